/** A schedule as it is edited, and as the database takes it. */
import type { Schedule } from './device_answers'

export const MODES = ['times', 'perDay', 'interval', 'above'] as const
export type Mode = (typeof MODES)[number]

export interface Draft {
  readonly mode: Mode
  readonly times: readonly string[]
  readonly perDay: number
  readonly minutes: number
}

export interface ScheduleArguments {
  readonly p_captures_per_day: number | null
  readonly p_times_of_day: string[] | null
  readonly p_interval_minutes: number | null
  readonly p_timezone: string | null
  readonly p_wake_spread_s: number | null
}

export function modeOf(schedule: Schedule | null): Mode {
  if (schedule?.times_of_day) return 'times'
  if (schedule?.captures_per_day) return 'perDay'
  return schedule?.interval_minutes ? 'interval' : 'above'
}

export function draftOf(schedule: Schedule | null): Draft {
  return {
    mode: modeOf(schedule),
    times: schedule?.times_of_day?.map((time) => time.slice(0, 5)) ?? ['08:00', '12:00', '16:00'],
    perDay: schedule?.captures_per_day ?? 4,
    minutes: schedule?.interval_minutes ?? 60,
  }
}

/** What set_schedule() takes; null while it is no schedule. Zone and spread stay as they are: they are edited elsewhere. */
export function argumentsOf(draft: Draft, before: Schedule | null): ScheduleArguments | null {
  const kept = { p_timezone: before?.timezone ?? null, p_wake_spread_s: before?.wake_spread_s ?? null }
  const nothing = { p_captures_per_day: null, p_times_of_day: null, p_interval_minutes: null, ...kept }
  const times = [...new Set(draft.times)].filter((time) => /^\d\d:\d\d$/.test(time)).toSorted()
  switch (draft.mode) {
    case 'times':
      return times.length > 0 && draft.times.every((time) => time !== '')
        ? { ...nothing, p_times_of_day: times }
        : null
    case 'perDay':
      return within(draft.perDay, 1, 288) ? { ...nothing, p_captures_per_day: draft.perDay } : null
    case 'interval':
      return within(draft.minutes, 1, 10_080) ? { ...nothing, p_interval_minutes: draft.minutes } : null
    case 'above':
      return nothing
  }
}

function within(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}
