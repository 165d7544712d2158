/**
 * How storage will grow: by what came on each of the last days that are over, four weeks at most. The mean of a day goes on;
 * around it is the range in which it will be four times out of five if days stay as different from each other as they were
 * (a prediction interval of Student's t for a sum of independent days). What policies let go is not counted.
 */
import { addDays, daysBetween } from '@/shared/days'
import type { Storage } from './trends_answers'

/** With fewer days the range would say more than is known. */
export const LEAST_DAYS = 14
const MOST_DAYS = 28
const NORMAL = 1.2816
/** A quota that is reached later than that is not told. */
const FARTHEST_DAYS = 3650

export interface Ahead {
  readonly mean: number
  readonly low: number
  readonly high: number
}

export interface Forecast {
  readonly perDay: number
  /** How many days it is made of. */
  readonly days: number
  /** What will be stored so many days after today. */
  readonly after: (days: number) => Ahead
  /** When the quota is reached, at the earliest, probably, at the latest; null: not within ten years. */
  readonly full: Readonly<Record<'early' | 'probably' | 'late', string | null>> | null
}

/** Nothing while too few days are over: `daysKnown` says how many are. */
export function forecast(storage: Storage, today: string): Forecast | null {
  const count = Math.min(daysKnown(storage), MOST_DAYS)
  if (count < LEAST_DAYS) return null
  const came = new Map(storage.days.map(([day, bytes]) => [day, bytes]))
  const last = Array.from({ length: count }, (_, ago) => came.get(addDays(storage.ended, -ago)) ?? 0)
  const perDay = last.reduce((sum, bytes) => sum + bytes, 0) / count
  const spread = Math.sqrt(last.reduce((sum, bytes) => sum + (bytes - perDay) ** 2, 0) / (count - 1))
  // The 90th percentile of Student's t, by the first term of its expansion around the normal one.
  const t = NORMAL + (NORMAL ** 3 + NORMAL) / (4 * (count - 1))
  function after(days: number): Ahead {
    const mean = storage.bytes + days * perDay
    const half = t * spread * Math.sqrt(days + days ** 2 / count)
    return { mean, low: Math.max(mean - half, storage.bytes), high: mean + half }
  }
  const { quota_bytes: quota } = storage
  const reached = (bound: keyof Ahead) =>
    quota === null ? null : firstDay((days) => after(days)[bound] >= quota, today)
  const full =
    quota === null ? null : { early: reached('high'), probably: reached('mean'), late: reached('low') }
  return { perDay, days: count, after, full }
}

/** How many days are over since the first picture. */
export function daysKnown({ days, ended }: Storage): number {
  const first = days.find(([, came]) => came > 0)?.[0]
  return first === undefined ? 0 : Math.max(daysBetween(first, ended) + 1, 0)
}

function firstDay(isReached: (days: number) => boolean, today: string): string | null {
  for (let days = 0; days <= FARTHEST_DAYS; days += 1) if (isReached(days)) return addDays(today, days)
  return null
}
