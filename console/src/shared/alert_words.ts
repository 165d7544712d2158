/** What an alert has found, in the viewer's language and by the viewer's clock; where that cannot be told, as it was mailed. */
import { useFormat } from './format'
import { alertWords } from './messages/alert_words'
import { useText } from './messages/define'
import { serviceTroubleText } from './messages/service_troubles'
import { useRetold } from './retold'

export const ALERT_KINDS = [
  'offline',
  'failing',
  'battery_low',
  'battery_falling',
  'picture',
  'sensor',
  'storage',
  'channel',
  'service',
] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

const UNITS: Readonly<Record<string, string>> = {
  temperature_c: '°C',
  humidity_pct: '%',
  pressure_hpa: 'hPa',
  gas_kohm: 'kΩ',
}

/** A sensor's value with its unit. */
export function sensorUnit(subject: string): string {
  return UNITS[subject] ?? ''
}

export interface FoundAlert {
  readonly kind: AlertKind
  /** The sensor, of the kind `sensor`. */
  readonly subject: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
  readonly timezone?: string | null
}

function named<Names extends object>(names: Names, name: unknown): string | undefined {
  return typeof name === 'string' && name in names
    ? String((names as Readonly<Record<string, unknown>>)[name])
    : undefined
}

export function useAlertSentence(): (alert: FoundAlert) => string {
  const text = useText(alertWords)
  const format = useFormat()
  const trouble = useRetold(serviceTroubleText)
  return ({ kind, subject, message, details, timezone }) => {
    const number = (name: string, digits = 1) => format.number(Number(details[name]), digits)
    const percent = (name: string) => `${number(name)} %`
    const moment = (name: string) => format.moment(String(details[name]), timezone)
    const has = (...names: readonly string[]) => names.every((name) => details[name] != null)
    if (kind === 'offline' && has('last_seen_at')) {
      return has('due_at')
        ? text.offlineDue(moment('last_seen_at'), moment('due_at'))
        : text.offline(moment('last_seen_at'))
    }
    if (kind === 'failing' && has('failed', 'pictures', 'percent')) {
      return text.failing(number('failed'), number('pictures'), percent('percent'))
    }
    if (kind === 'battery_low' && has('percent')) {
      return details.estimated === true
        ? text.batteryMillivolts(number('millivolts'), percent('percent'))
        : text.battery(percent('percent'))
    }
    if (kind === 'battery_falling' && has('points', 'percent')) {
      return text.falling(number('points'), percent('percent'))
    }
    if (kind === 'storage' && has('percent', 'bytes', 'quota_bytes')) {
      return text.storage(
        percent('percent'),
        format.bytes(Number(details.bytes)),
        format.bytes(Number(details.quota_bytes)),
      )
    }
    if (kind === 'picture' && has('pictures')) {
      const health = named(text.health, details.health)
      return health === undefined ? message : text.picture(number('pictures'), health)
    }
    if (kind === 'sensor' && has('value')) {
      const sensor = named(text.sensors, subject)
      if (sensor === undefined) return message
      const value = Number(details.value)
      const told = (name: string) => `${number(name)} ${sensorUnit(subject)}`
      if (has('upper') && value > Number(details.upper))
        return text.sensorAbove(sensor, told('value'), told('upper'))
      if (has('lower') && value < Number(details.lower))
        return text.sensorBelow(sensor, told('value'), told('lower'))
      return text.sensorNear(sensor, told('value'))
    }
    if (kind === 'channel' && has('name')) {
      return text.channel(String(details.name), has('error') ? String(details.error) : text.untried)
    }
    if (kind === 'service' && has('troubles'))
      return text.service(String(details.troubles).split('; ').map(trouble).join('; '))
    return message
  }
}
