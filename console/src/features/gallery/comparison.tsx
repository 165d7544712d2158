/** Two pictures over each other: what is left of a line shows the older one, what is right of it the newer one. */
import { useEffect, useRef, useState } from 'react'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import type { Picture } from './buckets'
import css from './comparison.module.css'
import { Large } from './large'
import type { View } from './zoom'

interface ComparisonProps {
  readonly older: Picture
  readonly newer: Picture
  readonly name: (device: string) => string
  readonly zone: string
  readonly view: View
}

export function Comparison({ older, newer, name, zone, view }: ComparisonProps) {
  const text = useText(galleryText)
  const format = useFormat()
  const [at, setAt] = useState(50)
  const slider = useRef<HTMLInputElement>(null)
  useEffect(() => slider.current?.focus({ preventScroll: true }), [])
  const when = (picture: Picture) => `${format.date(picture.at, zone)}, ${format.clock(picture.at, zone)}`
  return (
    <div className={css.comparison}>
      <div className={css.half}>
        <Large picture={older} name={`${name(older.device)}, ${when(older)}`} view={view} />
      </div>
      <div className={css.half} style={{ clipPath: `inset(0 0 0 ${at}%)` }}>
        <Large picture={newer} name={`${name(newer.device)}, ${when(newer)}`} view={view} />
      </div>
      <span className={css.when}>{when(older)}</span>
      <span className={css.when} data-side="right">
        {when(newer)}
      </span>
      <input
        ref={slider}
        type="range"
        className={css.slider}
        aria-label={text.meet}
        aria-valuetext={text.meetAt(format.percent(at / 100))}
        min={0}
        max={100}
        value={at}
        onChange={(event) => setAt(Number(event.currentTarget.value))}
      />
      <span className={css.line} style={{ left: `${at}%` }} aria-hidden="true" />
    </div>
  )
}
