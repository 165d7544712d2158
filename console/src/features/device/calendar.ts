/** The wake calendar: a row for each day with its hours, or, of more than a month, for each week with its days. */
import { addDays, noonOf } from '@/shared/days'
import type { Reason } from '@/shared/gap_words'
import type { Day, GapOfDay, History } from './device_answers'

/** What came of an hour or a day; where nothing did that was expected, why. */
export type Outcome = 'pictured' | 'mixed' | 'failed' | 'silent' | Reason

export interface CalendarCell {
  /** From 1. */
  readonly column: number
  readonly outcome: Outcome
  readonly pictured: number
  readonly missing: number
}

export interface CalendarRow {
  /** The day, or the Monday of the week: 2026-11-27. */
  readonly day: string
  readonly cells: readonly CalendarCell[]
  readonly expected: number | null
  readonly pictured: number
  readonly silent: number
  readonly failed: number
}

/** Beyond so many days their hours are not told. */
export const MOST_DAYS = 32

function outcomeOf(pictured: number, failed: number, silent: number): Outcome | null {
  if (pictured > 0) return failed + silent > 0 ? 'mixed' : 'pictured'
  if (failed > 0) return 'failed'
  return silent > 0 ? 'silent' : null
}

function grouped<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}

function counted({ expected, stored, partial, silent, camera, transfer, service }: Day) {
  return { expected, pictured: stored + partial, silent, failed: camera + transfer + service }
}

/** The reason that most of them have. */
function mostly(gaps: readonly GapOfDay[]): Reason | null {
  const byReason = [...grouped(gaps, ({ reason }) => reason).values()]
  return byReason.toSorted((a, b) => b.length - a.length)[0]?.[0]?.reason ?? null
}

export function calendarByDay({
  days,
  hours,
  gaps,
}: Pick<History, 'days' | 'hours' | 'gaps'>): readonly CalendarRow[] {
  const came = new Map(hours.map(([day, hour, ...counts]) => [`${day} ${hour}`, counts] as const))
  const missing = grouped(gaps, ({ day, hour }) => `${day} ${hour}`)
  const cellOf = (day: string, hour: number): readonly CalendarCell[] => {
    const [pictured, failed] = came.get(`${day} ${hour}`) ?? [0, 0]
    const missed = missing.get(`${day} ${hour}`) ?? []
    const told = pictured === 0 ? mostly(missed) : null
    const outcome = told ?? outcomeOf(pictured, failed, missed.length)
    return outcome ? [{ column: hour + 1, outcome, pictured, missing: Math.max(failed, missed.length) }] : []
  }
  return days.toReversed().map((day) => ({
    day: day.day,
    ...counted(day),
    cells: Array.from({ length: 24 }, (_, hour) => cellOf(day.day, hour)).flat(),
  }))
}

/** Monday is 0. */
function weekday(day: string): number {
  return (new Date(noonOf(day) * 1000).getUTCDay() + 6) % 7
}

export function calendarByWeek({ days }: Pick<History, 'days'>): readonly CalendarRow[] {
  return [...grouped(days, ({ day }) => addDays(day, -weekday(day)))].toReversed().map(([monday, week]) => {
    const told = week.map((day) => ({ day: day.day, ...counted(day) }))
    const sum = (of: (day: (typeof told)[number]) => number) => told.reduce((all, day) => all + of(day), 0)
    return {
      day: monday,
      expected: told.every(({ expected }) => expected === null) ? null : sum(({ expected }) => expected ?? 0),
      pictured: sum(({ pictured }) => pictured),
      silent: sum(({ silent }) => silent),
      failed: sum(({ failed }) => failed),
      cells: told.flatMap(({ day, pictured, failed, silent }) => {
        const outcome = outcomeOf(pictured, failed, silent)
        return outcome ? [{ column: weekday(day) + 1, outcome, pictured, missing: failed + silent }] : []
      }),
    }
  })
}
