/** What the company has in storage, beside its quota, and which devices have most of it. */
import { Meter, toneOfStorage } from '@/shared/components/meter'
import { Card } from '@/shared/components/page'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'
import css from './keeping.module.css'
import type { Usage } from './keeping_answers'

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
      {share !== null && <Meter label={text.usage} share={share} tone={toneOfStorage(share)} />}
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
                <div className={css.share}>
                  <Meter
                    label={device.name ?? device.device_id}
                    share={bytes > 0 ? device.bytes / bytes : 0}
                    tone="rest"
                  />
                </div>
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
