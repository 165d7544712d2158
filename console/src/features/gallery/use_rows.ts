/** The rows of a layout in an element that scrolls, of which few are in the page; and what stays at the top when it changes. */
import { useVirtualizer, type VirtualItem, type Virtualizer } from '@tanstack/react-virtual'
import { type RefObject, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { type Layout, placesOfRow, rowOfDay, rowOfPlace, sectionOfRow } from './buckets'
import { Compression } from './compression'
import { Haste, STILL_MS } from './haste'

const HEADING = 52
/** After so long without a movement one has arrived. */
const QUIET_MS = 200

interface Rows {
  readonly scroller: RefObject<HTMLDivElement | null>
  readonly items: readonly VirtualItem[]
  /** How high all rows are, and how high the element is that holds them. */
  readonly total: number
  readonly room: number
  /** How far the rows are scrolled; by how much they are moved to be seen there. */
  readonly offset: number
  readonly shift: number
  readonly topRow: VirtualItem | undefined
  /** The rows pass faster than pictures are seen. */
  readonly isHasty: boolean
  /** Grows by one each time that one has arrived somewhere. */
  readonly arrived: number
  readonly goToRow: (row: number) => void
  readonly goToOffset: (offset: number) => void
  readonly showRow: (row: number) => void
  /** Where the sections begin, in shares of all. */
  readonly begins: readonly number[]
}

/** Where a row begins. */
function pixelsOf(layout: Layout, height: number, row: number): number {
  const headings = layout.sections.filter((section) => section.row < row).length
  return headings * HEADING + (row - headings) * height
}

/** What is at the top: a picture by its number within its day, or the day's heading, and how much of it is above. */
interface Anchor {
  readonly day: string
  readonly place: number | null
  readonly beyond: number
}

function anchorOf(layout: Layout, item: VirtualItem | undefined, offset: number): Anchor | null {
  const section = item && sectionOfRow(layout, item.index)
  if (!section || offset <= 0) return null
  const [first, end] = placesOfRow(layout, item.index)
  return { day: section.day, place: end > first ? first - section.place : null, beyond: offset - item.start }
}

function rowOfAnchor(layout: Layout, { day, place }: Anchor): number {
  const section = layout.sections.find((one) => one.day === day)
  return section && place !== null
    ? rowOfPlace(layout, section.place + Math.min(place, section.count - 1))
    : rowOfDay(layout, day)
}

/** `height` of a row of pictures, 0 while it is not known; `day` is at the top at first. */
export function useRows(layout: Layout, height: number, day: string | undefined): Rows {
  const scroller = useRef<HTMLDivElement>(null)
  const [compression] = useState(() => new Compression())
  const [arrived, setArrived] = useState(0)
  const [haste] = useState(() => new Haste())
  const [isHasty, setHasty] = useState(false)
  const isKnown = height > 0
  const virtualizer: Virtualizer<HTMLDivElement, Element> = useVirtualizer({
    count: isKnown ? layout.rows : 0,
    getScrollElement: () => scroller.current,
    estimateSize: (row) => (sectionOfRow(layout, row)?.row === row ? HEADING : height),
    // Another layout has other keys, so all of it is measured anew.
    getItemKey: useCallback(
      (row: number) => `${sectionOfRow(layout, row)?.day} ${row} ${height}`,
      [layout, height],
    ),
    overscan: 3,
    observeElementOffset: (instance, tell) => {
      const element = instance.scrollElement
      if (!element) return
      let quiet: ReturnType<typeof setTimeout> | undefined
      let still: ReturnType<typeof setTimeout> | undefined
      const hear = () => {
        const offset = compression.scrolled(element.scrollTop)
        setHasty(haste.at(performance.now(), offset, element.clientHeight))
        tell(offset, true)
        clearTimeout(quiet)
        clearTimeout(still)
        still = setTimeout(() => setHasty(false), STILL_MS)
        quiet = setTimeout(() => {
          // The element goes back to where the list is, for the next far jump.
          element.scrollTop = compression.jump(compression.real)
          tell(compression.real, false)
          setArrived((times) => times + 1)
        }, QUIET_MS)
      }
      element.addEventListener('scroll', hear, { passive: true })
      return () => {
        clearTimeout(quiet)
        clearTimeout(still)
        element.removeEventListener('scroll', hear)
      }
    },
    scrollToFn: (offset, { adjustments = 0 }, instance) => {
      const element = instance.scrollElement
      if (element) element.scrollTop = compression.jump(offset + adjustments)
    },
  })
  const total = virtualizer.getTotalSize()
  compression.resize(total, scroller.current?.clientHeight ?? 0)
  const items = virtualizer.getVirtualItems()
  const offset = virtualizer.scrollOffset ?? 0
  const topRow = items.find((item) => item.end > offset)

  const anchor = useRef<Anchor | null>(day === undefined ? null : { day, place: null, beyond: 0 })
  const goToRow = useCallback(
    (row: number, beyond = 0) => virtualizer.scrollToOffset(pixelsOf(layout, height, row) + beyond),
    [virtualizer, layout, height],
  )
  // When pictures arrive above, and when the window gets another width, what is at the top stays there.
  useLayoutEffect(() => {
    if (isKnown && anchor.current) goToRow(rowOfAnchor(layout, anchor.current), anchor.current.beyond)
  }, [isKnown, layout, goToRow])
  useLayoutEffect(() => {
    if (arrived > 0) anchor.current = anchorOf(layout, topRow, offset)
  })

  const begins = useMemo(
    () =>
      layout.sections.map(
        ({ row }, index) => (index * HEADING + (row - index) * height) / Math.max(total, 1),
      ),
    [layout, height, total],
  )
  return {
    scroller,
    items,
    total,
    room: compression.height,
    offset,
    shift: compression.shift,
    topRow,
    isHasty,
    arrived,
    goToRow: (row) => {
      goToRow(row)
      // The browser tells of it with the next frame; what is seen there is asked for now.
      scroller.current?.dispatchEvent(new Event('scroll'))
    },
    goToOffset: (to) => virtualizer.scrollToOffset(to),
    showRow: (row) => virtualizer.scrollToIndex(row, { align: 'auto' }),
    begins,
  }
}
