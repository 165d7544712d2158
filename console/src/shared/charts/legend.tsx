/** The names of what a chart shows, with the values where somebody points at it. */
import { nearest } from './points'
import type { TimeChartProps } from './time_chart'
import css from './time_chart.module.css'

interface LegendProps extends TimeChartProps {
  /** Where somebody points. */
  readonly at: number | null
}

interface Entry {
  readonly id: string
  readonly name: string
  readonly colour: string
  readonly kind: 'bar' | 'line' | 'dashed' | 'band'
  readonly value: number | null
}

export function Legend({ at, times, bars = [], lines = [], band, when, write, tell = write }: LegendProps) {
  const place = at === null ? -1 : nearest(times, at)
  const entries: readonly Entry[] = [
    ...bars.map(({ name, colour, values }) => ({
      id: name,
      name,
      colour,
      kind: 'bar' as const,
      value: at === null ? null : (values[place] ?? null),
    })),
    ...lines.map(({ id, name, colour, points, isDashed }) => ({
      id: id ?? name,
      name,
      colour,
      kind: isDashed ? ('dashed' as const) : ('line' as const),
      value: at === null ? null : valueAt(points, at),
    })),
    ...(band
      ? [{ id: band.name, name: band.name, colour: 'var(--accent)', kind: 'band' as const, value: null }]
      : []),
  ]
  return (
    <div className={css.legend}>
      <ul>
        {entries.map(({ id, name, colour, kind, value }) => (
          <li key={id}>
            <i data-kind={kind} style={{ color: colour }} aria-hidden="true" />
            {name}
            {value !== null && <strong>{tell(value)}</strong>}
          </li>
        ))}
      </ul>
      <span className={css.when}>{at === null ? '\u00a0' : when(at)}</span>
    </div>
  )
}

/** The value nearest to a time, unless that is farther than the distance of its neighbours. */
function valueAt(points: readonly (readonly [number, number])[], at: number): number | null {
  const place = nearest(
    points.map(([time]) => time),
    at,
  )
  const found = points[place]
  if (!found) return null
  const beside = points[place - 1] ?? points[place + 1]
  const room = beside ? Math.abs(beside[0] - found[0]) : Number.POSITIVE_INFINITY
  return Math.abs(found[0] - at) <= room ? found[1] : null
}
