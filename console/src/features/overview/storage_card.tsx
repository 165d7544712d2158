import { Meter, toneOfStorage } from '@/shared/components/meter'
import { Card } from '@/shared/components/page'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { overviewText } from '@/shared/messages/overview'
import type { Overview } from './overview'
import css from './overview.module.css'

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
      <Meter label={text.storage} share={share} tone={toneOfStorage(share)} />
    </Card>
  )
}
