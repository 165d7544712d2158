/** Days of a calendar as 2026-11-27, in an address and between each other. */
import { readText } from './search'

const DAY_MS = 86_400_000

export interface DayRange {
  /** Both included. */
  readonly from: string
  readonly to: string
}

/** The viewer's day. */
export function today(): string {
  return viewerDayAt(Date.now() / 1000)
}

/** Seconds since 1970 at noon of a day. */
export function noonOf(day: string): number {
  return Date.parse(`${day}T12:00:00Z`) / 1000
}

/** The day of such a moment. */
export function dayAt(at: number): string {
  return new Date(at * 1000).toISOString().slice(0, 10)
}

/** The same by the viewer's clock. */
export function viewerNoonOf(day: string): number {
  return new Date(`${day}T12:00:00`).getTime() / 1000
}

export function viewerDayAt(at: number): string {
  return new Date(at * 1000).toLocaleDateString('sv')
}

export function addDays(day: string, days: number): string {
  return new Date(noonOf(day) * 1000 + days * DAY_MS).toISOString().slice(0, 10)
}

export function daysBetween(from: string, to: string): number {
  return Math.round(((noonOf(to) - noonOf(from)) * 1000) / DAY_MS)
}

export function readDay(value: unknown): string | undefined {
  const day = readText(value)
  // The database knows no year 0.
  if (day === undefined || !/^(?!0000)\d{4}-\d\d-\d\d$/.test(day)) return undefined
  return Number.isNaN(noonOf(day)) || addDays(day, 0) !== day ? undefined : day
}

/** Both ends of a range of so many days at most; nothing if they are none. */
export function readDays(from: unknown, to: unknown, longest: number): DayRange | undefined {
  const range = { from: readDay(from), to: readDay(to) }
  if (range.from === undefined || range.to === undefined) return undefined
  const days = daysBetween(range.from, range.to) + 1
  return days >= 1 && days <= longest ? { from: range.from, to: range.to } : undefined
}

/** The latest so many days, today included. */
export function latestDays(days: number): DayRange {
  const to = today()
  return { from: addDays(to, 1 - days), to }
}
