/** Days, weeks and months as charts and tables name them. */
import { useDayWords } from '@/shared/day_words'
import { addDays } from '@/shared/days'
import { useText } from '@/shared/messages/define'
import { trendsText } from '@/shared/messages/trends'
import type { Step } from './trends_search'

export function usePeriodWords(step: Step): {
  readonly tick: (day: string) => string
  readonly full: (day: string) => string
} {
  const text = useText(trendsText)
  const words = useDayWords()
  if (step === 'month') return { tick: words.month, full: words.month }
  return { tick: words.brief, full: step === 'week' ? (day) => text.weekOf(words.short(day)) : words.named }
}

export function lastDay(first: string, step: Step): string {
  if (step === 'day') return first
  if (step === 'week') return addDays(first, 6)
  return addDays(`${addDays(first, 31).slice(0, 7)}-01`, -1)
}
