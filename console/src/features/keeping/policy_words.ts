import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'
import { LIMITS, type Limit } from './keeping_answers'

/** What a policy does, a sentence for each of its limits. */
export function usePolicyWords(): (policy: Readonly<Record<Limit, number | null>>) => readonly string[] {
  const text = useText(keepingText)
  const format = useFormat()
  return (policy) =>
    LIMITS.flatMap((limit) => {
      const value = policy[limit]
      if (value === null || limit === 'smaller_quality' || limit === 'smaller_width') return []
      if (limit === 'max_bytes') return [text.says.max_bytes(format.bytes(value))]
      if (limit !== 'smaller_after_days') return [text.says[limit](format.number(value))]
      const width = policy.smaller_width === null ? '' : `, ${format.number(policy.smaller_width)} px`
      return [text.says.smaller(format.number(value), format.number(policy.smaller_quality ?? 60), width)]
    })
}
