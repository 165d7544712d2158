/** What the charts draw, made of what the database answers. */
import { stretches } from '@/shared/charts/points'
import type { AllSeries, SeriesName } from './device_answers'

/** Two rows as uPlot takes them: times in seconds, and values, null where the line is broken. */
export type Points = readonly [times: readonly number[], values: readonly (number | null)[]]

export function pointsOf(all: AllSeries, name: SeriesName): Points {
  const values = all[name]
  const known = all.at.flatMap((at, place) => {
    const value = values?.[place]
    return value === null || value === undefined ? [] : [[at, value] as const]
  })
  const times: number[] = []
  const drawn: (number | null)[] = []
  for (const stretch of stretches(known)) {
    const before = times.at(-1)
    const after = stretch[0]?.[0]
    if (before !== undefined && after !== undefined) {
      times.push((before + after) / 2)
      drawn.push(null)
    }
    for (const [at, value] of stretch) {
      times.push(at)
      drawn.push(value)
    }
  }
  return [times, drawn]
}

export interface TableRow {
  readonly at: number
  readonly means: readonly (number | null)[]
}

const ROWS = 24

/** The same as a table of few rows: the means of equal stretches of the time. */
export function tableOf(
  all: AllSeries,
  names: readonly SeriesName[],
  from: number,
  to: number,
): readonly TableRow[] {
  const length = (to - from) / ROWS
  const rows = Array.from({ length: ROWS }, () => names.map(() => ({ sum: 0, count: 0 })))
  all.at.forEach((at, place) => {
    const row = rows[Math.min(Math.floor((at - from) / length), ROWS - 1)]
    names.forEach((name, column) => {
      const value = all[name]?.[place]
      const cell = row?.[column]
      if (value === null || value === undefined || !cell) return
      cell.sum += value
      cell.count += 1
    })
  })
  return rows.flatMap((cells, place) =>
    cells.some(({ count }) => count > 0)
      ? [
          {
            at: from + place * length,
            means: cells.map(({ sum, count }) => (count > 0 ? sum / count : null)),
          },
        ]
      : [],
  )
}
