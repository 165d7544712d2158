/** Values over time, as charts draw them. */

/** Seconds since 1970, and the value there. */
export type Point = readonly [at: number, value: number]

/** So many usual distances without a value break a line: it would tell of what nobody has measured. */
const BREAK = 4

/** The same points in stretches that are drawn as lines of their own. */
export function stretches<P extends readonly [number, ...unknown[]]>(points: readonly P[]): readonly P[][] {
  const distances = points.slice(1).map(([at], place) => at - (points[place]?.[0] ?? at))
  const usual = distances.toSorted((a, b) => a - b)[Math.floor(distances.length / 2)] ?? 0
  const found: P[][] = []
  let before = Number.NEGATIVE_INFINITY
  for (const point of points) {
    if (point[0] - before > usual * BREAK) found.push([])
    found.at(-1)?.push(point)
    before = point[0]
  }
  return found
}

/** The place of what is nearest to a time, in times that rise; -1 if there are none. */
export function nearest(times: readonly number[], at: number): number {
  let low = 0
  let high = times.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) < at) low = middle + 1
    else high = middle
  }
  const before = times[low - 1]
  const after = times[low]
  if (after === undefined) return -1
  return before !== undefined && at - before <= after - at ? low - 1 : low
}
