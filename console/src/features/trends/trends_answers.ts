/** What the functions of the page answer: sql/repeatable/088_console_trends.sql says what each name means. */

export type Period = readonly [
  first: string,
  expected: number | null,
  silent: number,
  stored: number,
  partial: number,
  camera: number,
  transfer: number,
  service: number,
  bytes: number,
]

export interface Group {
  readonly id: string | null
  readonly name: string | null
  readonly periods: readonly Period[]
}

export interface Storage {
  readonly bytes: number
  readonly quota_bytes: number | null
  readonly policies: number
  readonly ended: string
  readonly before: number
  readonly days: readonly (readonly [day: string, came: number, kept: number])[]
}

export interface Errors {
  readonly codes: readonly (readonly [code: number, hours: readonly number[]])[]
  readonly oldest: string | null
  readonly since: string | null
}

export interface Trends {
  readonly since: string
  readonly zones: readonly string[]
  readonly periods: readonly Period[]
  readonly groups: readonly Group[]
  readonly rest: number
  readonly errors: Errors
  readonly storage: Storage
  readonly sites: readonly { readonly site_id: string; readonly name: string }[]
  readonly devices: readonly { readonly device_id: string; readonly name: string | null }[]
}

export interface SensorTrend {
  readonly daily: boolean
  readonly devices: readonly {
    readonly device_id: string
    readonly name: string | null
    readonly points: readonly (readonly [at: number, minimum: number, mean: number, maximum: number])[]
  }[]
}

declare module '@/shared/call' {
  interface Answers {
    console_trends: Trends
    console_trend_sensor: SensorTrend
  }
}
