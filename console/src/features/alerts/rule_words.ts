/** What a rule says, in a sentence; and what its values are called for its kind. */
import { sensorUnit } from '@/shared/alert_words'
import { useFormat } from '@/shared/format'
import { alertWords } from '@/shared/messages/alert_words'
import { alertsText } from '@/shared/messages/alerts'
import { useText } from '@/shared/messages/define'
import type { Rule, RuleValue } from './alert_answers'

/** The values that a kind has, besides how often it is told again. */
export const VALUES_OF: Readonly<Record<string, readonly RuleValue[]>> = {
  offline: ['upper', 'at_least'],
  failing: ['upper', 'margin', 'at_least'],
  battery_low: ['lower', 'margin', 'critical'],
  battery_falling: ['upper', 'margin'],
  storage: ['upper', 'margin', 'critical'],
  picture: ['at_least'],
  sensor: ['lower', 'upper', 'margin'],
}

interface RuleWords {
  readonly title: (rule: Rule) => string
  readonly sentence: (rule: Rule & { readonly enabled?: boolean | null }) => string
  readonly label: (rule: Rule, value: RuleValue) => string
}

export function useRuleWords(): RuleWords {
  const text = useText(alertsText)
  const words = useText(alertWords)
  const format = useFormat()
  const sensor = (subject: string) => (words.sensors as Readonly<Record<string, string>>)[subject] ?? subject
  const number = (value: number | null) => (value === null ? '–' : format.number(value, 2))
  function bounds({ kind, subject, lower, upper, critical, at_least }: Rule): string {
    const unit = sensorUnit(subject)
    switch (kind) {
      case 'offline':
        return text.says.offline(number(upper), number(at_least))
      case 'failing':
        return text.says.failing(number(upper), number(at_least))
      case 'battery_low':
        return text.says.battery_low(number(lower), number(critical))
      case 'battery_falling':
        return text.says.battery_falling(number(upper))
      case 'storage':
        return text.says.storage(number(upper), number(critical))
      case 'picture':
        return text.says.picture(number(at_least))
      default:
        if (lower !== null && upper !== null) return text.says.outside(number(lower), number(upper), unit)
        if (lower !== null) return text.says.below(number(lower), unit)
        return upper === null ? text.says.noBounds : text.says.above(number(upper), unit)
    }
  }
  return {
    title: ({ kind, subject }) => (kind === 'sensor' ? text.sensor(sensor(subject)) : words.kinds[kind]),
    sentence: (rule) => {
      if (rule.enabled === false) return text.says.off
      const again = rule.repeat_hours ? text.says.again(number(rule.repeat_hours)) : text.says.once
      const isBounded = rule.kind !== 'sensor' || rule.lower !== null || rule.upper !== null
      return isBounded ? `${bounds(rule)} ${again}` : bounds(rule)
    },
    label: ({ kind, subject }, value) => {
      if (value === 'repeat_hours') return text.values.repeat_hours
      const ofKind = (text.valuesOf as Readonly<Record<string, Readonly<Record<string, string>>>>)[kind]
      const unit = sensorUnit(subject)
      const label = ofKind?.[value] ?? text.values[value]
      return unit === '' ? label : `${label} (${unit})`
    },
  }
}
