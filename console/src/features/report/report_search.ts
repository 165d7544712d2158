/** What the address of a report says: of what, and of which days. It carries all, so that a link shows the same. */
import { type DayRange, latestDays, readDays } from '@/shared/days'
import { compact, readDevices, readUuid } from '@/shared/search'

export const LONGEST_DAYS = 92
export const MOST_DEVICES = 12
/** So many reasons are told in one report, of each of its devices as many. */
export const MOST_REASONS = 240
const USUAL_DAYS = 7

export interface ReportSearch {
  readonly from?: string
  readonly to?: string
  readonly site?: string
  /** With commas between them. */
  readonly devices?: string
}

export function readReportSearch(search: Record<string, unknown>): ReportSearch {
  const site = readUuid(search.site)
  return compact({
    ...readDays(search.from, search.to, LONGEST_DAYS),
    site,
    devices: site ? undefined : readDevices(search.devices, MOST_DEVICES).join(',') || undefined,
  })
}

export function rangeOf({ from, to }: ReportSearch): DayRange {
  return from !== undefined && to !== undefined ? { from, to } : latestDays(USUAL_DAYS)
}
