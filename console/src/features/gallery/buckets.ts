/**
 * The pictures as one long list, newest first, of which most are known by their number alone. The list is made of buckets,
 * stretches of time whose pictures are asked at once; one or more buckets are a day. A layout says which rows the days
 * take; the place of a picture counts from the newest one, 0.
 */

export interface Picture {
  readonly id: string
  readonly device: string
  readonly at: string
  readonly status: 'stored' | 'partial' | 'failed' | 'expired'
  readonly thumbnail?: string
  readonly path?: string
  /** Anything but ok. */
  readonly health?: string
  readonly pinned?: boolean
  /** Of a partial one, how much is there. */
  readonly share?: number
  /** Of one that failed or came in part: its name at the device, why, and whether it was asked for again. */
  readonly name?: string
  readonly error_code?: number | null
  readonly asked?: boolean
}

export interface Arrival extends Picture {
  readonly day: string
}

/** From, up to (seconds since 1970), local day, pictures. */
export type Bucket = readonly [from: number, to: number, day: string, count: number]

export interface Section {
  readonly day: string
  readonly count: number
  /** Of the first of its buckets, among all. */
  readonly bucket: number
  readonly buckets: readonly Bucket[]
  /** Of its heading; its pictures follow. */
  readonly row: number
  /** Of its newest picture. */
  readonly place: number
}

export interface Layout {
  readonly sections: readonly Section[]
  readonly columns: number
  readonly rows: number
  readonly pictures: number
}

export function layOut(buckets: readonly Bucket[], columns: number): Layout {
  const sections: Section[] = []
  let row = 0
  let place = 0
  for (let first = 0; first < buckets.length; ) {
    const day = buckets[first]?.[2] ?? ''
    let end = first
    let count = 0
    for (let bucket = buckets[end]; bucket && bucket[2] === day; bucket = buckets[end]) {
      count += bucket[3]
      end += 1
    }
    sections.push({ day, count, bucket: first, buckets: buckets.slice(first, end), row, place })
    row += 1 + Math.ceil(count / columns)
    place += count
    first = end
  }
  return { sections, columns, rows: row, pictures: place }
}

/** The last of a sorted list that begins at or before; the first one if none does. */
function lastBefore<Item>(items: readonly Item[], begins: (item: Item) => number, value: number): number {
  let low = 0
  let high = items.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (begins(items[middle] as Item) <= value) low = middle
    else high = middle - 1
  }
  return low
}

export function sectionOfRow({ sections }: Layout, row: number): Section | undefined {
  return sections[lastBefore(sections, (section) => section.row, row)]
}

/** The places of the pictures in a row, the second one not included; none for a heading. */
export function placesOfRow(layout: Layout, row: number): readonly [number, number] {
  const section = sectionOfRow(layout, row)
  if (!section || section.row === row) return [0, 0]
  const first = section.place + (row - section.row - 1) * layout.columns
  return [first, Math.min(first + layout.columns, section.place + section.count)]
}

export function rowOfPlace(layout: Layout, place: number): number {
  const section = layout.sections[lastBefore(layout.sections, (one) => one.place, place)]
  return section ? section.row + 1 + Math.floor((place - section.place) / layout.columns) : 0
}

/** The row of a day's heading; of the next older day if that one has no picture. */
export function rowOfDay({ sections }: Layout, day: string): number {
  const found = sections.find((section) => section.day <= day) ?? sections.at(-1)
  return found?.row ?? 0
}

/** The bucket of a moment. */
export function bucketAt(layout: Layout, seconds: number): Placed | undefined {
  for (const section of layout.sections) {
    let { place } = section
    for (const bucket of section.buckets) {
      if (bucket[0] <= seconds && seconds < bucket[1]) return { bucket, place }
      place += bucket[3]
    }
  }
  return undefined
}

/** A bucket, and the place of its newest picture. */
export interface Placed {
  readonly bucket: Bucket
  readonly place: number
}

/** The buckets that have the pictures of these places, the second one not included. */
export function bucketsOfPlaces(layout: Layout, from: number, to: number): readonly Placed[] {
  const found: Placed[] = []
  const first = lastBefore(layout.sections, (section) => section.place, from)
  for (const section of layout.sections.slice(first)) {
    let { place } = section
    if (place >= to) break
    for (const bucket of section.buckets) {
      if (place < to && place + bucket[3] > from) found.push({ bucket, place })
      place += bucket[3]
    }
  }
  return found
}

const QUARTER = 900

/** With one picture more at this moment: in the bucket that has it, or in a new one of a quarter of an hour. */
export function withOneMore(
  buckets: readonly Bucket[],
  seconds: number,
  day: string,
): readonly [readonly Bucket[], Bucket] {
  const index = buckets.findIndex(([from]) => from <= seconds)
  const found = buckets[index]
  if (found && seconds < found[1]) {
    const larger: Bucket = [found[0], found[1], found[2], found[3] + 1]
    return [buckets.with(index, larger), larger]
  }
  const from = Math.floor(seconds / QUARTER) * QUARTER
  const made: Bucket = [from, from + QUARTER, day, 1]
  return [buckets.toSpliced(index < 0 ? buckets.length : index, 0, made), made]
}

/** Newest first, as the database orders them. */
export function inOrder(pictures: readonly Picture[]): readonly Picture[] {
  return pictures.toSorted((one, other) => {
    const later = Date.parse(other.at) - Date.parse(one.at)
    return later || (one.id < other.id ? 1 : -1)
  })
}
