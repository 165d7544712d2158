/** What the functions of the page answer: sql/repeatable/088_console_device.sql says what each name means. */
import type { FoundAlert } from '@/shared/alert_words'
import type { Change } from '@/shared/change_words'
import type { CommandFate } from '@/shared/commands'
import type { DeviceState } from '@/shared/device_state'
import type { Gap } from '@/shared/gap_words'

export interface Schedule {
  readonly captures_per_day: number | null
  readonly times_of_day: readonly string[] | null
  readonly interval_minutes: number | null
  readonly timezone: string | null
  readonly wake_spread_s: number | null
}

export interface Command extends CommandFate {
  readonly command_id: string
  readonly type: 'capture_image' | 'send_image' | 'next_wake' | 'custom'
  readonly payload: { readonly image_name?: string; readonly next_wake?: string }
  readonly created_at: string
  readonly deadline: string | null
  readonly by: string | null
  readonly capture_id: string | null
  readonly thumbnail: string | null
}

export interface Device {
  readonly device_id: string
  readonly name: string | null
  readonly location: string | null
  readonly notes: string | null
  readonly tags: readonly string[]
  readonly site_id: string | null
  readonly site: string | null
  readonly timezone: string | null
  readonly zone: string
  readonly state: DeviceState
  /** In per cent; of a device that tells millivolts alone an estimate. */
  readonly battery: number | null
  readonly firmware: string | null
  readonly last_seen_at: string | null
  readonly next_wake_at: string | null
  readonly battery_percent: number | null
  readonly battery_mv: number | null
  readonly rssi: number | null
  readonly heap: number | null
  readonly uptime_s: number | null
  readonly boots: number | null
  readonly pending: number | null
}

export interface Latest {
  readonly capture_id: string
  readonly captured_at: string
  readonly path: string | null
  readonly thumbnail: string | null
  readonly width: number | null
  readonly height: number | null
  readonly bytes: number | null
  readonly health: string | null
  readonly health_reason: string | null
  readonly damaged: boolean
}

export interface Alert extends FoundAlert {
  readonly alert_id: string
  readonly severity: string
  readonly opened_at: string
}

export interface DeviceNow {
  readonly device: Device
  readonly alerts: readonly Alert[]
  readonly latest: Latest | null
  readonly commands: readonly Command[]
  readonly schedules: Readonly<Record<'device' | 'company' | 'service', Schedule | null>>
  readonly sites: readonly { readonly site_id: string; readonly name: string }[]
}

export interface Day {
  readonly day: string
  readonly expected: number | null
  readonly silent: number
  readonly stored: number
  readonly partial: number
  readonly camera: number
  readonly transfer: number
  readonly service: number
}

export const SENSORS = ['temperature', 'humidity', 'pressure', 'gas'] as const
export const VITALS = ['battery', 'battery_mv', 'rssi', 'heap', 'uptime', 'boots'] as const
export type SeriesName = (typeof SENSORS)[number] | (typeof VITALS)[number]
type Values = readonly (number | null)[] | null
export type AllSeries = Readonly<Record<SeriesName, Values>> & { readonly at: readonly number[] }

/** When it was taken (seconds since 1970), its id, its path, that of its thumbnail. */
export type PictureOfTime = readonly [at: number, id: string, path: string | null, thumbnail: string | null]

export interface Trouble {
  readonly capture_id: string
  readonly captured_at: string
  readonly image_name: string
  readonly status: 'failed' | 'partial'
  readonly code: number | null
}

export interface ErrorOfTime {
  readonly code: number
  readonly times: number
  readonly last_at: string
  readonly message: string | null
}

/** Where in the calendar it stands. */
export interface GapOfDay extends Gap {
  readonly day: string
  readonly hour: number
}

export interface History {
  readonly zone: string
  readonly days: readonly Day[]
  /** Local day, hour, pictures that came, pictures that failed. */
  readonly hours: readonly (readonly [day: string, hour: number, pictures: number, failed: number])[]
  readonly gaps: readonly GapOfDay[]
  readonly series: AllSeries
  readonly pictures: readonly PictureOfTime[]
  readonly troubles: readonly Trouble[]
  readonly errors: readonly ErrorOfTime[]
}

export interface Wakes {
  readonly zone: string
  readonly told: string | null
  readonly wakes: readonly string[]
}

export interface Advice {
  readonly code: string
  readonly params: Readonly<Record<string, string | number>>
  readonly text: string
}

export const FIGURES = [
  'loss_percent',
  'rssi_dbm',
  'asked_per_picture',
  'duplicate_percent',
  'transfer_s',
  'chunk_bytes',
] as const
export type Figure = (typeof FIGURES)[number]

export interface LinkAdvice {
  readonly since: string
  readonly figures: Readonly<Record<Figure, number | null>>
  readonly hours: readonly { readonly hour: number; readonly pictures: number; readonly timed_out: number }[]
  readonly advice: readonly Advice[]
}

export interface Firmware {
  readonly examined_at: string
  readonly since: string | null
  readonly hellos: number
  readonly pictures: number
  readonly deviations: readonly {
    readonly rule: string
    readonly grade: 'harmful' | 'dialect'
    readonly count: number
    readonly example: string
  }[]
}

export interface Checks {
  readonly link: LinkAdvice
  readonly firmware: Firmware | null
  /** For admins alone. */
  readonly changes: readonly Change[]
}

declare module '@/shared/call' {
  interface Answers {
    console_device: DeviceNow | null
    console_device_checks: Checks | null
    console_device_history: History | null
    console_wakes: Wakes | null
  }
}
