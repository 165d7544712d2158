import { describe, expect, it } from 'vitest'
import type { Schedule } from './device_answers'
import { argumentsOf, draftOf } from './schedule'

const before: Schedule = {
  captures_per_day: null,
  times_of_day: ['06:00:00', '18:30:00'],
  interval_minutes: null,
  timezone: 'Asia/Tokyo',
  wake_spread_s: 60,
}

describe('a schedule that is edited', () => {
  it('begins as it is, and is saved with the zone and the spread that it had', () => {
    const draft = draftOf(before)
    expect(draft).toMatchObject({ mode: 'times', times: ['06:00', '18:30'] })
    expect(argumentsOf(draft, before)).toEqual({
      p_captures_per_day: null,
      p_times_of_day: ['06:00', '18:30'],
      p_interval_minutes: null,
      p_timezone: 'Asia/Tokyo',
      p_wake_spread_s: 60,
    })
  })

  it('has each time once, in order', () => {
    const draft = { ...draftOf(before), times: ['18:00', '06:00', '18:00'] }
    expect(argumentsOf(draft, null)?.p_times_of_day).toEqual(['06:00', '18:00'])
  })

  it.each([
    { mode: 'times', times: [] },
    { mode: 'times', times: ['06:00', ''] },
    { mode: 'perDay', perDay: 0 },
    { mode: 'perDay', perDay: 2.5 },
    { mode: 'interval', minutes: 10_081 },
    { mode: 'interval', minutes: Number.NaN },
  ] as const)('is none yet: %o', (changes) => {
    expect(argumentsOf({ ...draftOf(before), ...changes }, before)).toBeNull()
  })

  it('is that of the company where the device has none', () => {
    expect(draftOf(null).mode).toBe('above')
    expect(Object.values(argumentsOf(draftOf(null), null) ?? {})).toEqual([null, null, null, null, null])
  })
})
