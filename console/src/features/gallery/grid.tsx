/** The pictures by day, of which only what is seen stands in the page. */
import { useElementSize } from '@mantine/hooks'
import { useQueryClient } from '@tanstack/react-query'
import { type Ref, useEffect, useImperativeHandle, useMemo, useRef, useState } from 'react'
import { useErrorWords } from '@/shared/components/states'
import { useDayWords } from '@/shared/day_words'
import { useFormat } from '@/shared/format'
import {
  bucketsOfPlaces,
  layOut,
  type Picture,
  placesOfRow,
  rowOfDay,
  rowOfPlace,
  sectionOfRow,
} from './buckets'
import css from './grid.module.css'
import { Row } from './row'
import { Scrubber } from './scrubber'
import { askForLinksNear, type Gallery, type Near, useNames, usePictures } from './use_gallery'
import { useRows } from './use_rows'

const GAP = 6
const LEAST_TILE = { wide: 184, phone: 108 }
const PHONE = 640
const RATIO = 4 / 3
/** Links are signed for so many pictures at once, so that scrolling by a row asks for nothing. */
const SIGNED_TOGETHER = 60
function signedWith(from: number, to: number): Near {
  return [
    Math.floor(from / SIGNED_TOGETHER) * SIGNED_TOGETHER,
    Math.ceil(to / SIGNED_TOGETHER) * SIGNED_TOGETHER,
  ]
}
/** Rows are placed from a point that changes once in so many pixels: distances stay short, and mostly the same. */
const ORIGIN_PX = 100_000

/** What the keyboard does with a grid; a place counts from the newest picture, 0. */
export interface GridControl {
  readonly goToDay: (day: string) => void
  readonly show: (place: number) => void
  /** Gives the focus to a picture as soon as it is there. */
  readonly focus: (id: string) => void
  readonly columns: () => number
  /** The place at the top. */
  readonly top: () => number
}

interface GridProps {
  readonly gallery: Gallery
  readonly siteZone: string | null
  /** The day that is at the top at first. */
  readonly day: string | undefined
  readonly current: string | undefined
  readonly control: Ref<GridControl>
  readonly onDay: (day: string | undefined) => void
  readonly chosen: ReadonlyMap<string, Picture>
  readonly going: readonly Picture[]
  readonly onPress: (picture: Picture) => void
}

export function Grid({ gallery, siteZone, day, current, control, chosen, going, onDay, onPress }: GridProps) {
  const words = useDayWords()
  const errorWords = useErrorWords()
  const format = useFormat()
  const names = useNames(gallery.devices)
  const { ref: sized, width } = useElementSize()
  const least = width < PHONE ? LEAST_TILE.phone : LEAST_TILE.wide
  const columns = Math.max(Math.floor((width + GAP) / (least + GAP)), 2)
  const tile = (width - GAP * (columns - 1)) / columns
  const layout = useMemo(() => layOut(gallery.buckets, columns), [gallery.buckets, columns])
  const rows = useRows(layout, width > 0 ? Math.round(tile / RATIO) + GAP : 0, day)
  const { scroller, items, offset, topRow, arrived } = rows
  const below = offset + (scroller.current?.clientHeight ?? 0)

  const shown = items.map((item) => ({ item, places: placesOfRow(layout, item.index) }))
  const filled = shown.filter(({ places }) => places[1] > places[0])
  const from = filled[0]?.places[0] ?? 0
  const to = filled.at(-1)?.places[1] ?? 0
  const seen = useMemo(() => bucketsOfPlaces(layout, from, to), [layout, from, to])
  const signed = signedWith(from, to)
  const { found, error } = usePictures(gallery.filter, seen, signed)
  const pictureAt = (place: number): Picture | undefined => {
    const held = seen.findLast((one) => one.place <= place)
    return held && found.get(held.bucket[0])?.[place - held.place]
  }
  useSigned(seen, found, ...signed)

  const topDay = topRow && offset > 0 ? sectionOfRow(layout, topRow.index)?.day : undefined
  const told = useRef(0)
  useEffect(() => {
    if (arrived === told.current) return
    told.current = arrived
    onDay(topDay)
  }, [arrived, topDay, onDay])

  const wanted = useRef<string | null>(null)
  const [, lookAgain] = useState(0)
  useEffect(() => {
    const element =
      wanted.current && scroller.current?.querySelector<HTMLElement>(`[data-id="${wanted.current}"]`)
    if (!element) return
    element.focus({ preventScroll: true })
    wanted.current = null
  })
  useImperativeHandle(control, () => ({
    goToDay: (wantedDay) => rows.goToRow(rowOfDay(layout, wantedDay)),
    show: (place) => rows.showRow(rowOfPlace(layout, place)),
    focus: (id) => {
      wanted.current = id
      lookAgain((times) => times + 1)
    },
    columns: () => columns,
    top: () => filled.find(({ item }) => item.end > offset)?.places[0] ?? 0,
  }))

  // The keyboard reaches the present picture, or the first one where that is not seen.
  const reached =
    Array.from({ length: to - from }, (_, index) => from + index).find(
      (place) => pictureAt(place)?.id === current,
    ) ?? from
  const origin = Math.floor((items[0]?.start ?? 0) / ORIGIN_PX) * ORIGIN_PX
  return (
    <div className={css.frame}>
      <div ref={scroller} className={css.scroller} data-testid="pictures">
        <div ref={sized} className={css.list} style={{ height: rows.room }}>
          <div style={{ transform: `translateY(${origin + rows.shift}px)` }}>
            {shown.map(({ item, places: [first, end] }) => {
              const section = sectionOfRow(layout, item.index)
              const start = item.start - origin
              if (!section) return null
              if (end === first) {
                return (
                  <h2 key={item.key} className={css.day} style={{ top: start, height: item.size }}>
                    {words.long(section.day)}
                    <span>{format.number(section.count)}</span>
                  </h2>
                )
              }
              return (
                <Row
                  key={item.key}
                  pictures={Array.from({ length: end - first }, (_, index) => pictureAt(first + index))}
                  first={first}
                  reached={reached}
                  day={words.short(section.day)}
                  start={start}
                  height={item.size}
                  width={tile}
                  siteZone={siteZone}
                  format={format}
                  names={names}
                  chosen={chosen}
                  going={going}
                  hasty={rows.isHasty}
                  inSight={item.end > offset && item.start < below}
                  onPress={onPress}
                />
              )
            })}
          </div>
        </div>
      </div>
      <Scrubber
        sections={layout.sections}
        begins={rows.begins}
        at={rows.total > 0 ? offset / rows.total : 0}
        onGo={(share) => rows.goToOffset(share * rows.total)}
      />
      {error && (
        <p role="alert" className={css.error}>
          {errorWords(error)}
        </p>
      )}
    </div>
  )
}

type Found = ReturnType<typeof usePictures>['found']

/** Asks for the links of these places when the list has moved; of pictures that come they are asked for as those come. */
function useSigned(seen: ReturnType<typeof bucketsOfPlaces>, found: Found, from: number, to: number): void {
  const client = useQueryClient()
  useEffect(() => {
    for (const placed of seen) {
      askForLinksNear(client, placed, found.get(placed.bucket[0]) ?? [], [from, to])
    }
  }, [client, seen, found, from, to])
}
