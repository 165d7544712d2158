/** What the address of the gallery says: what is shown, from which day on, and which picture is open. */
import { compact, readChoice, readText, readUuid } from '@/shared/search'

/** Without one: what has a picture, whole or in part. */
export const STATUSES = ['whole', 'partial', 'failed', 'gone', 'pinned', 'all'] as const
/** `odd` is anything but ok. */
export const HEALTHS = [
  'odd',
  'ok',
  'black',
  'white',
  'blurred',
  'frozen',
  'covered',
  'shifted',
  'damaged',
] as const
/** Hours of the day, the second one not included. */
export const HOURS = ['5-9', '9-12', '12-17', '17-22', '22-5'] as const

/** The pictures of a device at one time of day, of days or of weeks. */
export const EVERY = ['day', 'week'] as const
export type Every = (typeof EVERY)[number]

export interface GallerySearch {
  readonly site?: string
  readonly device?: string
  readonly search?: string
  readonly status?: (typeof STATUSES)[number]
  readonly health?: (typeof HEALTHS)[number]
  /** `6-12`; any two hours may stand in an address. */
  readonly hours?: string
  /** The day at the top, as 2026-11-27. */
  readonly day?: string
  /** The capture that is open. */
  readonly picture?: string
  /** The capture that it is compared with. */
  readonly with?: string
  readonly same?: Every
  /** A film of the days from one to another is asked for: 2026-11-01_2026-11-20. */
  readonly film?: string
}

function fitting(value: unknown, pattern: RegExp): string | undefined {
  const text = readText(value)
  return text !== undefined && pattern.test(text) ? text : undefined
}

export function readGallerySearch(search: Record<string, unknown>): GallerySearch {
  return compact({
    site: readUuid(search.site),
    device: fitting(search.device, /^[\w-]{1,64}$/),
    search: readText(search.search)?.slice(0, 100),
    status: readChoice(search.status, STATUSES),
    health: readChoice(search.health, HEALTHS),
    hours: fitting(search.hours, /^(1?\d|2[0-3])-(1?\d|2[0-4])$/),
    day: fitting(search.day, /^\d{4}-\d\d-\d\d$/),
    picture: readUuid(search.picture),
    with: readUuid(search.with),
    same: readChoice(search.same, EVERY),
    film: fitting(search.film, /^\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d$/),
  })
}

/** A filter as the functions of 088_console_gallery.sql read it. */
export type Filter = Readonly<Record<string, string | number>>

export function filterOf(search: GallerySearch, zone: string): Filter {
  const { site, device, search: words, status, health, hours } = search
  const [from, to] = hours?.split('-').map(Number) ?? []
  return compact({ zone, site, device, search: words, status, health, from, to }) as Filter
}
