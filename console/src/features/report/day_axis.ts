/** The days of a report as charts take them. */
import { useMemo } from 'react'
import type { TimeChartProps } from '@/shared/charts/time_chart'
import { useDayWords } from '@/shared/day_words'
import { addDays, type DayRange, dayAt, daysBetween, noonOf } from '@/shared/days'

const HALF_A_DAY = 43_200

type Axis = Pick<TimeChartProps, 'from' | 'to' | 'times' | 'tick' | 'when'>

export function useDayAxis({ from, to }: DayRange): Axis {
  const words = useDayWords()
  return useMemo(
    () => ({
      from: noonOf(from) - HALF_A_DAY,
      to: noonOf(to) + HALF_A_DAY,
      times: Array.from({ length: daysBetween(from, to) + 1 }, (_, place) => noonOf(addDays(from, place))),
      tick: (at) => words.brief(dayAt(at)),
      when: (at) => words.named(dayAt(at)),
    }),
    [from, to, words],
  )
}
