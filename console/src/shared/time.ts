/**
 * Reads a timestamp of the database. Supabase Lite writes `2026-11-27 20:44:33.572+00` where hosted writes ISO 8601; that
 * is a date only some browsers read.
 */
export function time(text: string): Date
export function time(text: string | null | undefined): Date | null
export function time(text: string | null | undefined): Date | null {
  if (!text) return null
  const iso = text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')
  const read = new Date(iso)
  return Number.isNaN(read.getTime()) ? null : read
}
