import { afterEach, describe, expect, it, vi } from 'vitest'
import { addDays, dayAt, daysBetween, noonOf, readDay, readDays, viewerDayAt, viewerNoonOf } from './days'

describe('days', () => {
  it('are counted over the end of a month and the change of the clock', () => {
    expect(addDays('2026-03-28', 2)).toBe('2026-03-30')
    expect(addDays('2026-03-01', -1)).toBe('2026-02-28')
    expect(daysBetween('2026-10-24', '2026-10-26')).toBe(2)
  })

  it.each(['2026-02-30', '2026-13-01', 'yesterday', '26-1-1', 20260101, '0000-01-01'])(
    'are not read from %j',
    (typed) => {
      expect(readDay(typed)).toBeUndefined()
    },
  )

  it('are a range from the first to the last, of so many days at most', () => {
    const march = { from: '2026-03-01', to: '2026-03-31' }
    expect(readDays(march.from, march.to, 31)).toEqual(march)
    expect(readDays(march.from, march.to, 30)).toBeUndefined()
    expect(readDays(march.to, march.from, 31)).toBeUndefined()
    expect(readDays(march.from, undefined, 31)).toBeUndefined()
  })
})

describe('noon of a day', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it.each(['Pacific/Auckland', 'Pacific/Honolulu', 'Europe/Berlin'])('is of that day in %s', (zone) => {
    vi.stubEnv('TZ', zone)
    expect(viewerDayAt(viewerNoonOf('2026-03-01'))).toBe('2026-03-01')
    expect(dayAt(noonOf('2026-03-01'))).toBe('2026-03-01')
    expect(new Date(viewerNoonOf('2026-03-01') * 1000).getHours()).toBe(12)
  })
})
