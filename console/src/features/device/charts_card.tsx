/** Sensors and vitals over the time that is shown, and all of it as a table. */
import { type ReactNode, Suspense, useMemo, useState } from 'react'
import { nearest } from '@/shared/charts/points'
import { Card } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import { useFormat } from '@/shared/format'
import { IconChartLine } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import { useStore } from '@/shared/store'
import { Chart } from './chart'
import css from './charts_card.module.css'
import { type AllSeries, SENSORS, type SeriesName, VITALS } from './device_answers'
import type { Span } from './device_range'
import { moment } from './moment'
import { pointsOf, tableOf } from './series'

const DIGITS: Readonly<Record<SeriesName, number>> = {
  temperature: 1,
  humidity: 0,
  pressure: 0,
  gas: 0,
  battery: 0,
  battery_mv: 0,
  rssi: 0,
  heap: 0,
  uptime: 0,
  boots: 0,
}
/** Told in another unit than it is kept in. */
const DIVISOR: Partial<Record<SeriesName, number>> = { heap: 1000 }

interface ChartsCardProps {
  readonly series: AllSeries
  readonly span: Span
  readonly zone: string
  readonly onZoom: (from: Date, to: Date) => void
}

export function ChartsCard({ series, span, zone, onZoom }: ChartsCardProps) {
  const text = useText(deviceText)
  const has = (name: SeriesName) => series[name]?.some((value) => value !== null) ?? false
  const sensors = SENSORS.filter(has)
  const vitals = VITALS.filter((name) => has(name) && !(name === 'battery_mv' && has('battery')))
  if (sensors.length + vitals.length === 0) {
    return (
      <Card title={text.charts}>
        <EmptyState icon={IconChartLine} title={text.noValuesTitle}>
          {text.noValues}
        </EmptyState>
      </Card>
    )
  }
  const chart = (name: SeriesName) => (
    <OneChart key={name} name={name} series={series} span={span} zone={zone} onZoom={onZoom} />
  )
  return (
    <Card title={text.charts} aside={<span className={css.hint}>{text.zoomHint}</span>}>
      <div className={css.grid}>{[...sensors, ...vitals].map(chart)}</div>
      <Values title={text.asTable}>
        {() => <ValuesTable names={[...sensors, ...vitals]} series={series} span={span} zone={zone} />}
      </Values>
    </Card>
  )
}

interface OneChartProps extends ChartsCardProps {
  readonly name: SeriesName
}

function OneChart({ name, series, span, zone, onZoom }: OneChartProps) {
  const text = useText(deviceText)
  const write = useWrite()
  const points = useMemo(() => pointsOf(series, name), [series, name])
  return (
    <figure className={css.chart}>
      <figcaption>
        {text.series[name]}
        <ValueNow name={name} points={points} />
      </figcaption>
      <Suspense fallback={<div className={css.room} />}>
        <Chart
          points={points}
          span={span}
          zone={zone}
          write={(value) => write(name, value)}
          onZoom={onZoom}
        />
      </Suspense>
    </figure>
  )
}

/** The value where somebody points, else the latest. */
function ValueNow({
  name,
  points: [times, values],
}: {
  name: SeriesName
  points: ReturnType<typeof pointsOf>
}) {
  const text = useText(deviceText)
  const write = useWrite()
  const at = useStore(moment)
  const value = values[at === null ? values.length - 1 : nearest(times, at)]
  return (
    <strong>
      {value === null || value === undefined ? '–' : `${write(name, value)} ${text.units[name]}`.trimEnd()}
    </strong>
  )
}

function useWrite(): (name: SeriesName, value: number) => string {
  const format = useFormat()
  return (name, value) => format.number(value / (DIVISOR[name] ?? 1), DIGITS[name])
}

/** What is drawn when it is opened, and not before. */
function Values({ title, children }: { readonly title: string; readonly children: () => ReactNode }) {
  const [open, setOpen] = useState(false)
  return (
    <details className={css.values} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {open && children()}
    </details>
  )
}

interface ValuesTableProps extends Omit<ChartsCardProps, 'onZoom'> {
  readonly names: readonly SeriesName[]
}

function ValuesTable({ names, series, span, zone }: ValuesTableProps) {
  const text = useText(deviceText)
  const format = useFormat()
  const write = useWrite()
  const rows = tableOf(series, names, span.from.getTime() / 1000, span.to.getTime() / 1000)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section className={css.scroll} tabIndex={0} aria-label={text.asTable}>
      <table>
        <thead>
          <tr>
            <th scope="col">{text.from}</th>
            {names.map((name) => (
              <th key={name} scope="col">
                {[text.series[name], text.units[name]].filter(Boolean).join(', ')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, means }) => (
            <tr key={at}>
              <th scope="row">{format.moment(new Date(at * 1000), zone)}</th>
              {means.map((mean, place) => {
                const name = names[place]
                return <td key={name}>{name === undefined || mean === null ? '–' : write(name, mean)}</td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
