/** All days beside the grid, from the newest to the oldest, each as long as its pictures are: dragged or clicked, it goes there. */
import { type KeyboardEvent, type PointerEvent, useMemo, useRef, useState } from 'react'
import { useDayWords } from '@/shared/day_words'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import type { Section } from './buckets'
import css from './scrubber.module.css'

interface ScrubberProps {
  readonly sections: readonly Section[]
  /** Where each of them begins, in shares of the whole. */
  readonly begins: readonly number[]
  /** Where the top of the grid is, in shares of the whole. */
  readonly at: number
  readonly onGo: (share: number) => void
}

const LEAST_BETWEEN_MARKS = 0.045
const STEPS: Readonly<Record<string, number>> = {
  ArrowUp: -1,
  ArrowLeft: -1,
  ArrowDown: 1,
  ArrowRight: 1,
  PageUp: -7,
  PageDown: 7,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
}

export function Scrubber({ sections, begins, at, onGo }: ScrubberProps) {
  const text = useText(galleryText)
  const words = useDayWords()
  const track = useRef<HTMLDivElement>(null)
  const [held, setHeld] = useState<number | null>(null)
  const marks = useMemo(() => {
    const found: { readonly share: number; readonly day: string }[] = []
    sections.forEach(({ day }, index) => {
      const share = begins[index] ?? 0
      const before = found.at(-1)
      const isNew = day.slice(0, 7) !== sections[index - 1]?.day.slice(0, 7)
      if (isNew && (!before || share - before.share >= LEAST_BETWEEN_MARKS)) found.push({ share, day })
    })
    return found
  }, [sections, begins])
  const indexAt = (share: number) =>
    Math.max(
      begins.findLastIndex((begin) => begin <= share + 1e-9),
      0,
    )
  const present = indexAt(held ?? at)
  const day = sections[present]?.day ?? ''

  const shareOf = (event: PointerEvent) => {
    const box = track.current?.getBoundingClientRect()
    return box ? Math.min(Math.max((event.clientY - box.top) / box.height, 0), 1) : 0
  }
  const hold = (event: PointerEvent) => {
    setHeld(shareOf(event))
    onGo(shareOf(event))
  }
  const step = (event: KeyboardEvent) => {
    const by = STEPS[event.key]
    if (by === undefined) return
    event.preventDefault()
    onGo(begins[Math.min(Math.max(present + by, 0), sections.length - 1)] ?? 0)
  }
  return (
    <div
      ref={track}
      className={css.track}
      role="slider"
      tabIndex={0}
      aria-label={text.scrubber}
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={Math.max(sections.length - 1, 0)}
      aria-valuenow={present}
      aria-valuetext={day && words.long(day)}
      data-held={held !== null}
      onKeyDown={step}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        hold(event)
      }}
      onPointerMove={(event) => held !== null && hold(event)}
      onPointerUp={() => setHeld(null)}
      onPointerCancel={() => setHeld(null)}
    >
      {marks.map((mark) => (
        <span key={mark.day} className={css.mark} style={{ top: `${mark.share * 100}%` }}>
          {words.month(mark.day)}
        </span>
      ))}
      <span className={css.thumb} style={{ top: `${(held ?? at) * 100}%` }}>
        <span className={css.bubble}>{day && words.short(day)}</span>
      </span>
    </div>
  )
}
