/** The time that the page shows, as it stands in its address: `?range=24h`, or `?from=…&to=…` for one's own. */
import { compact, readChoice, readText } from '@/shared/search'

export const RANGES = ['24h', '7d', '30d'] as const
export type Range = (typeof RANGES)[number]
export const USUAL: Range = '7d'

const HOUR_MS = 3_600_000
const LENGTH_MS: Readonly<Record<Range, number>> = {
  '24h': 24 * HOUR_MS,
  '7d': 168 * HOUR_MS,
  '30d': 720 * HOUR_MS,
}
const LONGEST_MS = 366 * 24 * HOUR_MS
const SHORTEST_MS = 60_000
const FIRST_MS = 0
const END_MS = Date.UTC(10_000, 0)
/** A range that ends now is asked anew in such steps, not with every second. */
const STEP_MS = 5 * 60_000

export interface DevicePageSearch {
  readonly range?: Range
  readonly from?: string
  readonly to?: string
}

export interface Span {
  readonly from: Date
  readonly to: Date
}

export function readDevicePageSearch(search: Record<string, unknown>): DevicePageSearch {
  const from = readText(search.from)
  const to = readText(search.to)
  if (from !== undefined && to !== undefined && ownSpan(from, to)) return { from, to }
  return compact({ range: readChoice(search.range, RANGES) })
}

function ownSpan(from: string, to: string): Span | null {
  const span = { from: new Date(from), to: new Date(to) }
  const length = span.to.getTime() - span.from.getTime()
  // Of years with more than four digits, or none, the database knows little.
  const isKnown = span.from.getTime() >= FIRST_MS && span.to.getTime() < END_MS
  return isKnown && length >= SHORTEST_MS && length <= LONGEST_MS ? span : null
}

/** What the address asks for, at this moment. */
export function spanOf(search: DevicePageSearch, now: Date): Span {
  const own = search.from !== undefined && search.to !== undefined ? ownSpan(search.from, search.to) : null
  if (own) return own
  const end = Math.ceil(now.getTime() / STEP_MS) * STEP_MS
  return { from: new Date(end - LENGTH_MS[search.range ?? USUAL]), to: new Date(end) }
}

/** What stands in the address for one's own range; nothing for one that cannot be shown. */
export function ownRange(from: Date, to: Date): DevicePageSearch | null {
  const search = { from: `${from.toISOString().slice(0, 19)}Z`, to: `${to.toISOString().slice(0, 19)}Z` }
  return ownSpan(search.from, search.to) ? search : null
}
