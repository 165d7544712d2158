/** Times, numbers and sizes as the viewer reads them. */
import { type Clock, type Language, localeOf, useSettings } from './settings'
import { time } from './time'
import { isZone, VIEWER_ZONE } from './zones'

export type Moment = Date | string | null | undefined

export interface Format {
  /** The zone in which a time of a device or site with this zone is told; one that the browser does not know counts as the viewer's. */
  zone: (siteZone?: string | null) => string
  date: (at: Moment, siteZone?: string | null) => string
  clock: (at: Moment, siteZone?: string | null) => string
  /** The time of day to the second. */
  second: (at: Moment, siteZone?: string | null) => string
  /** Date and time; by a site's clock, with the name of the zone. */
  moment: (at: Moment, siteZone?: string | null) => string
  /** How long until or since: "in 3 hours", "5 minutes ago". */
  distance: (at: Moment, now?: Date) => string
  number: (value: number, digits?: number) => string
  percent: (value: number) => string
  bytes: (value: number) => string
}

const STEPS = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const

function read(at: Moment): Date | null {
  return at instanceof Date ? at : time(at)
}

export function makeFormat(language: Language, clock: Clock, viewerZone: string = VIEWER_ZONE): Format {
  const locale = localeOf(language)
  const dates = new Map<string, Intl.DateTimeFormat>()
  const numbers = new Map<string, Intl.NumberFormat>()
  const zones = new Map<string, boolean>()
  const zone = (siteZone?: string | null) => {
    if (clock === 'viewer' || !siteZone) return viewerZone
    if (!zones.has(siteZone)) zones.set(siteZone, isZone(siteZone))
    return zones.get(siteZone) ? siteZone : viewerZone
  }
  const told = (at: Moment, timeZone: string, options: Intl.DateTimeFormatOptions) => {
    const moment = read(at)
    if (!moment) return '–'
    const key = `${timeZone} ${JSON.stringify(options)}`
    const format = dates.get(key) ?? new Intl.DateTimeFormat(locale, { timeZone, ...options })
    dates.set(key, format)
    return format.format(moment)
  }
  const number = (value: number, options: Intl.NumberFormatOptions) => {
    const key = JSON.stringify(options)
    const format = numbers.get(key) ?? new Intl.NumberFormat(locale, options)
    numbers.set(key, format)
    return format.format(value)
  }
  const distances = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const distance = (at: Moment, now = new Date()) => {
    const moment = read(at)
    if (!moment) return '–'
    const seconds = (moment.getTime() - now.getTime()) / 1000
    const [unit, length] = STEPS.find(([, step]) => Math.abs(seconds) >= step) ?? ['second', 1]
    return unit === 'second'
      ? distances.format(0, 'second')
      : distances.format(Math.trunc(seconds / length), unit)
  }
  return {
    zone,
    date: (at, siteZone) => told(at, zone(siteZone), { day: 'numeric', month: 'short', year: 'numeric' }),
    clock: (at, siteZone) => told(at, zone(siteZone), { hour: '2-digit', minute: '2-digit' }),
    second: (at, siteZone) =>
      told(at, zone(siteZone), { hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    moment: (at, siteZone) =>
      told(at, zone(siteZone), {
        day: 'numeric',
        month: 'short',
        hour: '2-digit',
        minute: '2-digit',
        ...(clock === 'site' ? { timeZoneName: 'short' } : {}),
      }),
    distance,
    number: (value, digits = 0) => number(value, { maximumFractionDigits: digits }),
    percent: (value) => number(value, { style: 'percent', maximumFractionDigits: 0 }),
    bytes: (value) => {
      const power = Math.min(Math.floor(Math.log(Math.max(value, 1)) / Math.log(1000)), UNITS.length - 1)
      return number(value / 1000 ** power, {
        style: 'unit',
        unit: UNITS[power] ?? 'byte',
        unitDisplay: 'short',
        maximumFractionDigits: power > 1 ? 1 : 0,
      })
    },
  }
}

const made = new Map<string, Format>()

/** The viewer's way of writing times and numbers; one for all, since it is dear to make. */
export function useFormat(): Format {
  const { language, clock } = useSettings()
  const key = `${language} ${clock}`
  const format = made.get(key) ?? makeFormat(language, clock)
  made.set(key, format)
  return format
}

/** A moment as a field of the type datetime-local takes it: by the browser's clock, to the minute. */
export function localInput(at: Date): string {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}
