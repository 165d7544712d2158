/** Days of a calendar, 2026-11-27, in words; unlike a moment, a day is the same in every time zone. */
import { useMemo } from 'react'
import { localeOf, useSettings } from './settings'

interface DayWords {
  /** As “Friday, 27 November 2026”. */
  long: (day: string) => string
  /** As “27 Nov 2026”. */
  short: (day: string) => string
  /** As “Fri 27 Nov”. */
  named: (day: string) => string
  /** As “27 Nov”. */
  brief: (day: string) => string
  month: (day: string) => string
}

export function useDayWords(): DayWords {
  const { language } = useSettings()
  return useMemo(() => {
    const words = (options: Intl.DateTimeFormatOptions) => {
      const format = new Intl.DateTimeFormat(localeOf(language), { timeZone: 'UTC', ...options })
      return (day: string) => format.format(new Date(`${day}T12:00:00Z`))
    }
    return {
      long: words({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }),
      short: words({ day: 'numeric', month: 'short', year: 'numeric' }),
      named: words({ weekday: 'short', day: 'numeric', month: 'short' }),
      brief: words({ day: 'numeric', month: 'short' }),
      month: words({ month: 'short', year: 'numeric' }),
    }
  }, [language])
}
