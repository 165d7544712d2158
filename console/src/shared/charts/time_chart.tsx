/**
 * Lines, bars and a band over time. Drawn as SVG, since it is printed too: it keeps sharp, follows the width of the paper, and
 * takes its colours from there. What it shows is there as a table or a file as well, so it is hidden from screen readers.
 */
import { useElementSize } from '@mantine/hooks'
import { type PointerEvent, useState } from 'react'
import { Legend } from './legend'
import { nearest, type Point, stretches } from './points'
import { scaleOf, spread } from './scale'
import css from './time_chart.module.css'

export interface Line {
  /** Where others may have the same name. */
  readonly id?: string
  readonly name: string
  readonly colour: string
  readonly points: readonly Point[]
  readonly isDashed?: boolean
}

/** One on top of the other. */
export interface Bars {
  readonly name: string
  readonly colour: string
  /** One for each of `times`. */
  readonly values: readonly number[]
}

export interface Band {
  readonly name: string
  readonly points: readonly (readonly [at: number, low: number, high: number])[]
}

export interface TimeChartProps {
  /** Seconds since 1970: what the axis begins and ends with. */
  readonly from: number
  readonly to: number
  /** The times that the axis names, and where bars stand. */
  readonly times: readonly number[]
  readonly bars?: readonly Bars[]
  readonly lines?: readonly Line[]
  readonly band?: Band | undefined
  readonly fromZero?: boolean
  /** A time as the axis names it, and in full. */
  readonly tick: (at: number) => string
  readonly when: (at: number) => string
  /** A value as the axis names it, and with its unit. */
  readonly write: (value: number) => string
  readonly tell?: (value: number) => string
}

const HEIGHT = 200
const LEFT = 52
const RIGHT = 14
const TOP = 8
const BOTTOM = 24
const ROOM_FOR_A_TIME = 68
const BAR_SHARE = 0.72
const WIDEST_BAR = 28

function pathOf(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], place) => `${place ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('')
}

export function TimeChart(props: TimeChartProps) {
  const { from, to, times, bars = [], lines = [], band, fromZero = false, tick, write } = props
  const { ref, width: measured } = useElementSize<HTMLDivElement>()
  const [at, setAt] = useState<number | null>(null)
  const width = Math.max(measured, 240)
  const sums = times.map((_, place) => bars.reduce((sum, { values }) => sum + (values[place] ?? 0), 0))
  const scale = scaleOf(
    [
      ...sums,
      ...lines.flatMap(({ points }) => points.map(([, value]) => value)),
      ...(band?.points.flatMap(([, low, high]) => [low, high]) ?? []),
    ],
    fromZero || bars.length > 0,
  )
  const x = (time: number) => LEFT + ((time - from) / (to - from)) * (width - LEFT - RIGHT)
  const y = (value: number) =>
    HEIGHT - BOTTOM - ((value - scale.low) / (scale.high - scale.low)) * (HEIGHT - TOP - BOTTOM)
  const steps = times.slice(1).map((time, place) => x(time) - x(times[place] ?? from))
  const barWidth = Math.max(1, Math.min(WIDEST_BAR, ...steps.map((step) => step * BAR_SHARE)))

  function point(event: PointerEvent<SVGSVGElement>) {
    const box = event.currentTarget.getBoundingClientRect()
    const place = ((event.clientX - box.left) / box.width) * width
    const pointed = from + ((place - LEFT) / (width - LEFT - RIGHT)) * (to - from)
    const all =
      bars.length > 0
        ? times
        : lines.flatMap(({ points }) => points.map(([time]) => time)).toSorted((a, b) => a - b)
    setAt(all[nearest(all, pointed)] ?? null)
  }

  return (
    <div className={css.chart} ref={ref}>
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        aria-hidden="true"
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setAt(null)}
      >
        {scale.ticks.map((value) => (
          <g key={value}>
            <line className={css.grid} x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
            <text className={css.value} x={LEFT - 8} y={y(value)} dy="0.32em">
              {write(value)}
            </text>
          </g>
        ))}
        {spread(times, width - LEFT - RIGHT, ROOM_FOR_A_TIME).map((time) => (
          <text key={time} className={css.time} x={Math.min(x(time), width - RIGHT - 14)} y={HEIGHT - 6}>
            {tick(time)}
          </text>
        ))}
        {at !== null && <line className={css.pointed} x1={x(at)} x2={x(at)} y1={TOP} y2={HEIGHT - BOTTOM} />}
        {bars.map(({ name, colour, values }, layer) =>
          times.map((time, place) => {
            const value = values[place] ?? 0
            if (value === 0) return null
            const below = bars.slice(0, layer).reduce((sum, under) => sum + (under.values[place] ?? 0), 0)
            return (
              <rect
                key={`${name} ${time}`}
                fill={colour}
                x={x(time) - barWidth / 2}
                width={barWidth}
                y={y(below + value)}
                height={Math.max(y(below) - y(below + value), 0.5)}
              />
            )
          }),
        )}
        {stretches(band?.points ?? []).map((stretch) => (
          <path
            key={stretch[0]?.[0]}
            className={css.band}
            d={`${pathOf([
              ...stretch.map(([time, , high]) => [x(time), y(high)] as const),
              ...stretch.map(([time, low]) => [x(time), y(low)] as const).reverse(),
            ])}Z`}
          />
        ))}
        {lines.map(({ id, name, colour, points, isDashed }) => (
          <g key={id ?? name} stroke={colour} fill={colour}>
            {stretches(points).map((stretch) =>
              stretch.length === 1 ? (
                <circle
                  key={stretch[0]?.[0]}
                  cx={x(stretch[0]?.[0] ?? 0)}
                  cy={y(stretch[0]?.[1] ?? 0)}
                  r={2}
                />
              ) : (
                <path
                  key={stretch[0]?.[0]}
                  className={css.line}
                  strokeDasharray={isDashed ? '5 4' : undefined}
                  d={pathOf(stretch.map(([time, value]) => [x(time), y(value)] as const))}
                />
              ),
            )}
          </g>
        ))}
      </svg>
      <Legend {...props} at={at} />
    </div>
  )
}
