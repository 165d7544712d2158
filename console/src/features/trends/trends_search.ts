/** What the address of the trends says: which time, of what, in which steps. */
import { type DayRange, latestDays, readDays } from '@/shared/days'
import { compact, readChoice, readDevices, readUuid } from '@/shared/search'

export const RANGES = ['30d', '90d', '1y'] as const
export type Range = (typeof RANGES)[number]
export const STEPS = ['day', 'week', 'month'] as const
export type Step = (typeof STEPS)[number]
export const BY = ['company', 'site', 'device'] as const
export type By = (typeof BY)[number]
export const SENSORS = ['temperature', 'humidity', 'pressure', 'gas', 'battery', 'rssi'] as const
export type Sensor = (typeof SENSORS)[number]

export const LONGEST_DAYS = 1100
export const MOST_DEVICES = 8
const LENGTHS: Readonly<Record<Range, number>> = { '30d': 30, '90d': 90, '1y': 366 }
/** A step that was not chosen gives some thirty columns at most. */
const DAYS_AT_MOST = 45
const WEEKS_AT_MOST = 250

export interface TrendsSearch {
  readonly range?: Range
  readonly from?: string
  readonly to?: string
  readonly step?: Step
  readonly by?: By
  readonly site?: string
  /** With commas between them. */
  readonly devices?: string
  readonly sensor?: Sensor
}

export function readTrendsSearch(search: Record<string, unknown>): TrendsSearch {
  const own = readDays(search.from, search.to, LONGEST_DAYS)
  return compact({
    ...(own ?? { range: readChoice(search.range, RANGES) }),
    step: readChoice(search.step, STEPS),
    by: readChoice(search.by, BY),
    site: readUuid(search.site),
    devices: readDevices(search.devices, MOST_DEVICES).join(',') || undefined,
    sensor: readChoice(search.sensor, SENSORS),
  })
}

export function rangeOf({ from, to, range = '30d' }: TrendsSearch): DayRange {
  return from !== undefined && to !== undefined ? { from, to } : latestDays(LENGTHS[range])
}

export function stepOf({ step }: TrendsSearch, days: number): Step {
  return step ?? (days <= DAYS_AT_MOST ? 'day' : days <= WEEKS_AT_MOST ? 'week' : 'month')
}
