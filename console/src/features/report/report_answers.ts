/** What the functions of the page answer: sql/repeatable/088_console_report.sql says what each name means. */
import type { Gap } from '@/shared/gap_words'

export type ReportDay = readonly [
  day: string,
  expected: number | null,
  silent: number,
  stored: number,
  partial: number,
  camera: number,
  transfer: number,
  service: number,
  temperatureMin: number | null,
  temperature: number | null,
  temperatureMax: number | null,
  humidityMin: number | null,
  humidity: number | null,
  humidityMax: number | null,
  pressure: number | null,
  gas: number | null,
  battery: number | null,
  rssi: number | null,
]

export type ReportPicture = readonly [
  at: number,
  id: string,
  path: string | null,
  thumbnail: string | null,
  health: string | null,
]

export interface ReportDevice {
  readonly device_id: string
  readonly name: string | null
  readonly site: string | null
  readonly location: string | null
  readonly zone: string
  readonly days: readonly ReportDay[]
  readonly pictures: readonly ReportPicture[]
}

export interface Report {
  readonly company: string
  readonly site: string | null
  readonly made_at: string
  readonly more: number
  readonly sites: readonly { readonly site_id: string; readonly name: string }[]
  readonly devices: readonly ReportDevice[]
}

export interface ReportGap extends Gap {
  readonly device_id: string
}

export function nameOf({ name, device_id }: Pick<ReportDevice, 'name' | 'device_id'>): string {
  return name ?? device_id
}

declare module '@/shared/call' {
  interface Answers {
    console_report: Report
    console_report_gaps: readonly ReportGap[]
  }
}
