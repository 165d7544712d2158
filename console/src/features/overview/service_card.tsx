import { useAlertSentence } from '@/shared/alert_words'
import { Fact, Facts } from '@/shared/components/facts'
import { Card } from '@/shared/components/page'
import { useNow, When } from '@/shared/components/when'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { overviewText } from '@/shared/messages/overview'
import type { Overview } from './overview'
import css from './overview.module.css'

export function ServiceCard({ service }: { readonly service: Overview['service'] }) {
  const text = useText(overviewText)
  const format = useFormat()
  const now = useNow()
  const sentence = useAlertSentence()
  const { ill, troubles } = service
  return (
    <Card title={text.service}>
      {ill && (
        <p className={css.bad}>
          {sentence({ kind: 'service', subject: '', message: ill, details: { troubles } })}
        </p>
      )}
      <Facts beside>
        <Fact name={text.lastHeard}>
          <When at={service.last_heard_at} />
        </Fact>
        <Fact name={text.lastStored}>
          <When at={service.last_stored_at} />
        </Fact>
        <Fact name={text.arriving}>
          {service.waiting === 0
            ? text.noneWaits
            : text.waiting(service.waiting, format.distance(service.waiting_since, now))}
        </Fact>
      </Facts>
    </Card>
  )
}
