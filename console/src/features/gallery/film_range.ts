/** A stretch of days, as it stands in the address: 2026-11-01_2026-11-20. */
import { type Bucket, layOut, type Placed } from './buckets'

/** A film has no more pictures; of more, as many are taken at even distances. */
export const MOST_FRAMES = 1000
/** So many may be there to choose from. */
export const MOST_FOUND = 5000

export type Days = readonly [from: string, to: string]

export function daysOf(film: string): Days {
  const [from = '', to = ''] = film.split('_')
  return [from, to]
}

/** The buckets of these days, the newest first. */
export function bucketsOfDays(buckets: readonly Bucket[], [from, to]: Days): readonly Placed[] {
  return layOut(buckets, 1)
    .sections.filter(({ day }) => from <= day && day <= to)
    .flatMap((section) => {
      let { place } = section
      return section.buckets.map((bucket) => {
        const placed = { bucket, place }
        place += bucket[3]
        return placed
      })
    })
}

export function thinned<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length <= most) return items
  return Array.from({ length: most }, (_, n) => items[Math.floor((n * items.length) / most)] as Item)
}

/** The week up to a day, or what there is of it. */
export function weekBefore(buckets: readonly Bucket[], day: string | undefined): string {
  const to = day ?? buckets[0]?.[2] ?? ''
  const from = new Date(Date.parse(`${to}T00:00:00Z`) - 6 * 86_400_000).toISOString().slice(0, 10)
  return `${from}_${to}`
}
