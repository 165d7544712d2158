import { Card } from '@/shared/components/page'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { overviewText } from '@/shared/messages/overview'
import type { Overview } from './overview'
import css from './overview.module.css'

const NEARLY_FULL = 0.8

export function StorageCard({ storage }: { readonly storage: Overview['storage'] }) {
  const text = useText(overviewText)
  const format = useFormat()
  const { bytes, quota_bytes: quota } = storage
  if (quota === null) {
    return (
      <Card title={text.storage}>
        <p className={css.lead}>{text.used(format.bytes(bytes))}</p>
        <p className={css.soft}>{text.noQuota}</p>
      </Card>
    )
  }
  const share = bytes / quota
  return (
    <Card title={text.storage}>
      <p className={css.lead}>
        {text.ofQuota(format.bytes(bytes), format.bytes(quota), format.percent(share))}
      </p>
      <div
        className={css.meter}
        role="meter"
        aria-label={text.storage}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(Math.min(share, 1) * 100)}
      >
        <span
          data-tone={share > NEARLY_FULL ? 'late' : 'good'}
          style={{ width: `${Math.min(share, 1) * 100}%` }}
        />
      </div>
    </Card>
  )
}
