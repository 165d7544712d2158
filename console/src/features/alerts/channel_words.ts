import { ALERT_KINDS, type AlertKind } from '@/shared/alert_words'
import { alertWords } from '@/shared/messages/alert_words'
import { channelsText } from '@/shared/messages/channels'
import { useText } from '@/shared/messages/define'
import type { Channel } from './alert_answers'

/** The name of a type of event; one that the console does not know yet has the name that the database gives it. */
export function useEventName(): (type: string) => string {
  const text = useText(channelsText)
  return (type) => (text.events as Readonly<Record<string, string>>)[type] ?? type
}

/** What a channel takes, in words. */
export function useTaken(): (channel: Channel) => string {
  const text = useText(channelsText)
  const words = useText(alertWords)
  const eventName = useEventName()
  return ({ event_types, alert_kinds }) => {
    const others = event_types.filter((type) => !type.startsWith('alert.')).map(eventName)
    const isTold = event_types.some((type) => type.startsWith('alert.'))
    const kinds = ALERT_KINDS.filter((kind: AlertKind) => alert_kinds?.includes(kind)).map(
      (kind) => words.kinds[kind],
    )
    const alerts = isTold
      ? [alert_kinds === null ? text.allAlerts : `${text.alertsOf} ${kinds.join(', ')}`]
      : []
    return [...alerts, ...others].join('; ') || text.nothing
  }
}
