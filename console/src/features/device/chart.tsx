/** One series over time. Drag over it to see that stretch on all charts; point at it, and the picture follows. */
import { useMantineColorScheme } from '@mantine/core'
import { useElementSize, useMergedRef } from '@mantine/hooks'
import { use, useEffect, useRef, useState } from 'react'
import 'uplot/dist/uPlot.min.css'
import { useFormat } from '@/shared/format'
import css from './chart.module.css'
import { useDates } from './dates'
import type { Span } from './device_range'
import { moment } from './moment'
import type { Points } from './series'

const HEIGHT = 116
const DAY_SECONDS = 86_400
const ROOM_FOR_ONE_TIME = 72
/** Half a time, which may stand at the very end. */
const ROOM_FOR_THE_LAST = 22
/** A drag over fewer pixels is a click. */
const LEAST_DRAG = 8

let loading: Promise<typeof import('./uplot')> | undefined
function loadUplot(): Promise<typeof import('./uplot')> {
  loading ??= import('./uplot')
  return loading
}

interface ChartProps {
  readonly points: Points
  readonly span: Span
  readonly zone: string
  /** A value as the axis shows it, without its unit. */
  readonly write: (value: number) => string
  readonly onZoom: (from: Date, to: Date) => void
}

export function Chart({ points, span, zone, write, onZoom }: ChartProps) {
  const { UPlot } = use(loadUplot())
  const format = useFormat()
  const dates = useDates()
  const { colorScheme } = useMantineColorScheme()
  const { ref, width } = useElementSize<HTMLDivElement>()
  const [element, setElement] = useState<HTMLDivElement | null>(null)
  const both = useMergedRef(ref, setElement)
  // What a drawn chart calls may change without it being drawn anew.
  const zoom = useRef(onZoom)
  zoom.current = onZoom
  const wrote = useRef(write)
  wrote.current = write
  const from = span.from.getTime() / 1000
  const to = span.to.getTime() / 1000

  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme has other colours.
  useEffect(() => {
    if (!element || width === 0) return
    const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim()
    const axis = {
      stroke: colour('--text-soft'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: `11px ${getComputedStyle(element).fontFamily}`,
    }
    const chart = new UPlot(
      {
        width,
        height: HEIGHT,
        padding: [8, ROOM_FOR_THE_LAST, 0, 0],
        legend: { show: false },
        scales: { x: { time: true, range: [from, to] } },
        tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), format.zone(zone)),
        cursor: {
          y: false,
          drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
          points: { size: 7, fill: colour('--accent'), stroke: colour('--surface') },
        },
        series: [
          {},
          {
            stroke: colour('--accent'),
            width: 1.75,
            fill: colour('--chart-fill'),
            points: { show: points[0].length < 60, size: 4, fill: colour('--accent'), width: 0 },
          },
        ],
        axes: [
          {
            ...axis,
            size: 26,
            space: ROOM_FOR_ONE_TIME,
            values: (_, times, _axis, _space, step) =>
              times.map((seconds) => {
                const at = new Date(seconds * 1000)
                return step >= DAY_SECONDS ? dates.day(at, zone) : format.clock(at, zone)
              }),
          },
          {
            ...axis,
            size: 48,
            space: 28,
            values: (_, values) => values.map((value) => wrote.current(value)),
          },
        ],
        hooks: {
          setCursor: [
            (drawn) => {
              const { left, event } = drawn.cursor
              // Without an event nobody points: the chart was drawn.
              if (event)
                moment.set(left === undefined || left < 0 ? null : Math.round(drawn.posToVal(left, 'x')))
            },
          ],
          setSelect: [
            (drawn) => {
              const { left, width: wide } = drawn.select
              if (wide < LEAST_DRAG) return
              drawn.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
              const at = (place: number) => new Date(drawn.posToVal(place, 'x') * 1000)
              zoom.current(at(left), at(left + wide))
            },
          ],
        },
      },
      [points[0] as number[], points[1] as (number | null)[]],
      element,
    )
    // uPlot hears the mouse alone.
    const touch = (event: PointerEvent) => {
      if (event.pointerType === 'mouse') return
      moment.set(Math.round(chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, 'x')))
    }
    chart.over.addEventListener('pointerdown', touch)
    chart.over.addEventListener('pointermove', touch)
    const follow = () => {
      const at = moment.get()
      const left = at === null ? -10 : chart.valToPos(at, 'x')
      chart.setCursor({ left, top: at === null ? -10 : HEIGHT / 2 }, false)
    }
    const unfollow = moment.subscribe(follow)
    follow()
    return () => {
      unfollow()
      chart.destroy()
    }
  }, [UPlot, element, width, points, from, to, zone, format, dates, colorScheme])

  return <div ref={both} className={css.chart} aria-hidden="true" />
}
