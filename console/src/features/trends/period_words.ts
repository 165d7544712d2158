/** Days, weeks and months as charts and tables name them. */
import { useDayWords } from '@/shared/day_words'
import { addDays, type DayRange } from '@/shared/days'
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

/** The days of a period that are within a range: its first and last one are seldom whole weeks or months. */
export function daysOf(first: string, step: Step, { from, to }: DayRange): DayRange {
  const last =
    step === 'day'
      ? first
      : step === 'week'
        ? addDays(first, 6)
        : addDays(`${addDays(first, 31).slice(0, 7)}-01`, -1)
  return { from: first < from ? from : first, to: last > to ? to : last }
}
