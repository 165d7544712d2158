import { describe, expect, it } from 'vitest'
import { calendarByDay, calendarByWeek } from './calendar'
import type { Day, GapOfDay } from './device_answers'

function day(name: string, more: Partial<Day> = {}): Day {
  return {
    day: name,
    expected: 4,
    silent: 0,
    stored: 0,
    partial: 0,
    camera: 0,
    transfer: 0,
    service: 0,
    ...more,
  }
}

describe('the calendar', () => {
  it('has the latest day first, with the hours in which something was to come', () => {
    const rows = calendarByDay({
      days: [day('2026-11-26', { stored: 4 }), day('2026-11-27', { stored: 2, camera: 1, silent: 1 })],
      gaps: [],
      hours: [
        ['2026-11-26', 6, 4, 0],
        ['2026-11-27', 6, 2, 0],
        ['2026-11-27', 23, 0, 1],
      ],
    })
    expect(rows.map(({ day: name }) => name)).toEqual(['2026-11-27', '2026-11-26'])
    expect(rows[0]).toEqual({
      day: '2026-11-27',
      expected: 4,
      pictured: 2,
      silent: 1,
      failed: 1,
      cells: [
        { column: 7, outcome: 'pictured', pictured: 2, missing: 0 },
        { column: 24, outcome: 'failed', pictured: 0, missing: 1 },
      ],
    })
  })

  it('says why nothing came of an hour, by the reason that most have', () => {
    const gap = (hour: number, reason: GapOfDay['reason']): GapOfDay => ({
      at: '',
      day: '2026-11-27',
      hour,
      reason,
      code: '',
      params: {},
      sentence: '',
    })
    const [row] = calendarByDay({
      days: [day('2026-11-27')],
      hours: [
        ['2026-11-27', 5, 1, 0],
        ['2026-11-27', 6, 0, 1],
      ],
      gaps: [gap(5, 'offline'), gap(6, 'camera'), gap(9, 'asleep'), gap(9, 'offline'), gap(9, 'offline')],
    })
    expect(row?.cells).toEqual([
      { column: 6, outcome: 'mixed', pictured: 1, missing: 1 },
      { column: 7, outcome: 'camera', pictured: 0, missing: 1 },
      { column: 10, outcome: 'offline', pictured: 0, missing: 3 },
    ])
  })

  it('adds up weeks from their Mondays', () => {
    const rows = calendarByWeek({
      days: [
        day('2026-11-22', { stored: 4 }), // a Sunday
        day('2026-11-23', { stored: 3, transfer: 1 }),
        day('2026-11-29', { silent: 4 }),
      ],
    })
    expect(
      rows.map(({ day: monday, pictured, silent, failed }) => [monday, pictured, silent, failed]),
    ).toEqual([
      ['2026-11-23', 3, 4, 1],
      ['2026-11-16', 4, 0, 0],
    ])
    expect(rows[0]?.cells.map(({ column, outcome }) => [column, outcome])).toEqual([
      [1, 'mixed'],
      [7, 'silent'],
    ])
  })

  it('expects nothing of a device without a schedule', () => {
    expect(
      calendarByWeek({ days: [day('2026-11-23', { expected: null, stored: 1 })] })[0]?.expected,
    ).toBeNull()
  })
})
