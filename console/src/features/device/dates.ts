/** Days and lengths of time as the viewer reads them. */
import { useMemo } from 'react'
import { useFormat } from '@/shared/format'
import { localeOf, useSettings } from '@/shared/settings'
import { isZone, VIEWER_ZONE } from '@/shared/zones'

const LENGTHS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

interface Dates {
  /** Day and month. */
  day: (at: Date, siteZone?: string | null) => string
  /** A time of a schedule: weekday, day, month, clock. */
  full: (at: Date, siteZone: string) => string
  /** How long something took: "4 seconds". */
  length: (seconds: number) => string
}

/** `full` is told by the clock of the zone that is given; the others as the viewer has chosen. */
export function useDates(): Dates {
  const { language } = useSettings()
  const { zone } = useFormat()
  return useMemo(() => {
    const locale = localeOf(language)
    const told = (at: Date, options: Intl.DateTimeFormatOptions) =>
      new Intl.DateTimeFormat(locale, options).format(at)
    return {
      day: (at, siteZone) => told(at, { timeZone: zone(siteZone), day: 'numeric', month: 'short' }),
      full: (at, siteZone) =>
        told(at, {
          timeZone: isZone(siteZone) ? siteZone : VIEWER_ZONE,
          weekday: 'short',
          day: 'numeric',
          month: 'short',
          hour: '2-digit',
          minute: '2-digit',
        }),
      length: (seconds) => {
        const [unit, size] = LENGTHS.find(([, least]) => seconds >= least) ?? ['second', 1]
        return new Intl.NumberFormat(locale, {
          style: 'unit',
          unit,
          unitDisplay: 'long',
          maximumFractionDigits: 0,
        }).format(seconds / size)
      },
    }
  }, [language, zone])
}
