import { describe, expect, it } from 'vitest'
import { addDays } from '@/shared/days'
import { daysKnown, forecast, LEAST_DAYS } from './forecast'
import type { Storage } from './trends_answers'

const ENDED = '2026-11-26'
const TODAY = '2026-11-27'

/** Storage of these days, the last of them the one that has ended. */
function stored(came: readonly number[], quota: number | null = null): Storage {
  const days = came.map((bytes, place) => [addDays(ENDED, place + 1 - came.length), bytes, bytes] as const)
  const bytes = came.reduce((sum, one) => sum + one, 0)
  return { bytes, quota_bytes: quota, policies: 0, ended: ENDED, before: 0, days }
}
const repeated = (pattern: readonly number[], times: number) =>
  Array.from({ length: times }, () => pattern).flat()

describe('the forecast of storage', () => {
  it('is none while fewer than two weeks are over', () => {
    expect(forecast(stored(repeated([100], LEAST_DAYS - 1)), TODAY)).toBeNull()
    expect(forecast(stored([]), TODAY)).toBeNull()
    expect(daysKnown(stored([0, 0, 5, 5]))).toBe(2)
  })

  it('goes on as the last days were, without doubt if all were alike', () => {
    const known = forecast(stored(repeated([100], 40), 5_000), TODAY)
    expect(known?.after(10)).toEqual({ mean: 5_000, low: 5_000, high: 5_000 })
    expect(known?.days).toBe(28)
    expect(known?.full).toEqual({ early: '2026-12-07', probably: '2026-12-07', late: '2026-12-07' })
  })

  it('counts the days on which nothing came, and looks at the last four weeks alone', () => {
    const known = forecast(stored([...repeated([9_000], 10), ...repeated([0, 200], 14)]), TODAY)
    expect(known?.perDay).toBe(100)
  })

  it('leaves out the day that goes on', () => {
    const storage = stored(repeated([100], 28))
    const withToday = { ...storage, days: [...storage.days, [TODAY, 7, 7] as const] }
    expect(forecast(withToday, TODAY)?.perDay).toBe(100)
  })

  it('knows less the farther it looks, and the less alike days were', () => {
    const width = (pattern: readonly number[], days: number) => {
      const found = forecast(stored(repeated(pattern, 14)), TODAY)?.after(days)
      return found ? found.high - found.mean : Number.NaN
    }
    expect(width([90, 110], 60)).toBeGreaterThan(width([90, 110], 10))
    expect(width([50, 150], 10)).toBeGreaterThan(width([90, 110], 10))
  })

  it('never has less than there is, and no end where nothing comes', () => {
    const known = forecast(stored([1, ...repeated([0], 27)], 1_000), TODAY)
    expect(known?.after(5).low).toBe(1)
    expect(known?.full?.late).toBeNull()
  })

  it('covers four of five sums of days that it has not seen', () => {
    // Days of a simple generator: the same at each run.
    let seed = 7
    const next = () => {
      seed = (seed * 16_807) % 2_147_483_647
      return 1_000 * (seed / 2_147_483_647)
    }
    const rounds = 400
    let inside = 0
    for (let round = 0; round < rounds; round += 1) {
      const storage = stored(Array.from({ length: 28 }, next))
      const ahead = forecast(storage, TODAY)?.after(14)
      const real = storage.bytes + Array.from({ length: 14 }, next).reduce((sum, one) => sum + one, 0)
      if (ahead && ahead.low <= real && real <= ahead.high) inside += 1
    }
    expect(inside / rounds).toBeGreaterThan(0.74)
    expect(inside / rounds).toBeLessThan(0.86)
  })
})
