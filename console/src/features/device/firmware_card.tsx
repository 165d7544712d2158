/** In what the device's firmware deviates from the protocol: the service examines its last messages every hour. */
import { Card } from '@/shared/components/page'
import { When } from '@/shared/components/when'
import { useFormat } from '@/shared/format'
import { conformanceText } from '@/shared/messages/conformance'
import { useText } from '@/shared/messages/define'
import { deviceSettingsText } from '@/shared/messages/device_settings'
import type { Firmware } from './device_answers'
import css from './settings_page.module.css'

interface FirmwareCardProps {
  readonly firmware: Firmware | null
  readonly zone: string
}

export function FirmwareCard({ firmware, zone }: FirmwareCardProps) {
  const text = useText(deviceSettingsText)
  const rules: Readonly<Record<string, string>> = useText(conformanceText)
  const format = useFormat()
  if (firmware === null || firmware.since === null) {
    return (
      <Card title={text.firmware}>
        <p>{firmware === null ? text.notExamined : text.nothingLogged}</p>
      </Card>
    )
  }
  const { deviations, hellos, pictures, since, examined_at } = firmware
  return (
    <Card title={text.firmware}>
      <ul className={css.advice}>
        {deviations.length === 0 && <li data-tone="good">{text.conforms}</li>}
        {deviations.map(({ rule, grade, count, example }) => (
          <li key={rule} data-tone={grade === 'harmful' ? 'late' : 'rest'}>
            <strong>{grade === 'harmful' ? text.harmful : text.dialect}</strong> {rules[rule] ?? rule}{' '}
            <details>
              <summary>{text.example(count)}</summary>
              <code>{example}</code>
            </details>
          </li>
        ))}
      </ul>
      <p className={css.soft}>
        {text.examined(hellos, pictures, format.moment(since, zone))}{' '}
        <When at={examined_at} siteZone={zone} />
      </p>
    </Card>
  )
}
