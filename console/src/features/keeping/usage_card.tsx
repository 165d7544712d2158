/** What the company has in storage, beside its quota, and which devices have most of it. */
import { Card } from '@/shared/components/page'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'
import css from './keeping.module.css'
import type { Usage } from './keeping_answers'

/** From where on alerts open by default, and are critical. */
const NEARLY_FULL = 0.8
const FULL = 0.95

export function UsageCard({ usage }: { readonly usage: Usage }) {
  const text = useText(keepingText)
  const format = useFormat()
  const { bytes, quota_bytes: quota, largest, smaller } = usage
  const share = quota === null ? null : bytes / quota
  return (
    <Card title={text.usage}>
      <p className={css.figure}>{format.bytes(bytes)}</p>
      <p className={css.soft}>
        {quota === null || share === null
          ? text.noQuota
          : text.ofQuota(format.bytes(quota), format.percent(share))}
      </p>
      {share !== null && (
        <Bar
          label={text.usage}
          share={share}
          tone={share > FULL ? 'bad' : share > NEARLY_FULL ? 'late' : 'good'}
        />
      )}
      {smaller.captures > 0 && (
        <p className={css.soft}>
          {text.saved(format.number(smaller.captures), format.bytes(smaller.saved_bytes))}
        </p>
      )}
      {largest.length > 0 && (
        <>
          <h3 className={css.subtitle}>{text.largest}</h3>
          <ul className={css.devices}>
            {largest.map((device) => (
              <li key={device.device_id}>
                <span className={css.name}>{device.name ?? device.device_id}</span>
                <span>{format.bytes(device.bytes)}</span>
                <Bar
                  label={device.name ?? device.device_id}
                  share={bytes > 0 ? device.bytes / bytes : 0}
                  tone="rest"
                />
              </li>
            ))}
          </ul>
          {usage.devices > largest.length && (
            <p className={css.soft}>{text.andOthers(usage.devices - largest.length)}</p>
          )}
        </>
      )}
    </Card>
  )
}

interface BarProps {
  readonly label: string
  readonly share: number
  readonly tone: 'good' | 'late' | 'bad' | 'rest'
}

function Bar({ label, share, tone }: BarProps) {
  const percent = Math.round(Math.min(share, 1) * 100)
  return (
    <div
      className={css.meter}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <span data-tone={tone} style={{ width: `${percent}%` }} />
    </div>
  )
}
