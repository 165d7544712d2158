/** The pictures of a device at one time of day, day by day or week by week. */
import { useEffect, useRef } from 'react'
import { Picture as Thumbnail } from '@/shared/components/picture'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import type { Picture } from './buckets'
import { EVERY, type Every } from './gallery_search'
import css from './same_hour.module.css'

interface SameHourProps {
  readonly pictures: readonly Picture[]
  /** The one that is open, and the one that it is compared with. */
  readonly open: string
  readonly other: string | undefined
  readonly every: Every
  readonly zone: string
  readonly onEvery: (every: Every) => void
  readonly onPress: (picture: Picture) => void
}

export function SameHour({ pictures, open, other, every, zone, onEvery, onPress }: SameHourProps) {
  const text = useText(galleryText)
  const format = useFormat()
  const strip = useRef<HTMLOListElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another picture is shown in the middle as well.
  useEffect(() => {
    const current = strip.current?.querySelector<HTMLElement>('[aria-current]')
    if (!strip.current || !current) return
    strip.current.scrollLeft = current.offsetLeft - (strip.current.clientWidth - current.clientWidth) / 2
  }, [open, every, pictures.length])
  return (
    <section className={css.same} aria-label={text.sameHour}>
      <fieldset className={css.choice}>
        <legend>{text.sameHour}</legend>
        {EVERY.map((one) => (
          <button key={one} type="button" aria-pressed={one === every} onClick={() => onEvery(one)}>
            {text.every[one]}
          </button>
        ))}
      </fieldset>
      {pictures.length < 2 ? (
        <p className={css.none}>{text.noneThen}</p>
      ) : (
        <ol ref={strip} className={css.strip}>
          {pictures.map((picture) => (
            <li key={picture.id}>
              <button
                type="button"
                aria-current={picture.id === open || undefined}
                aria-pressed={picture.id === other}
                onClick={() => onPress(picture)}
              >
                <Thumbnail path={picture.thumbnail ?? null} alt="" />
                <span>{format.date(picture.at, zone)}</span>
                <span>{format.clock(picture.at, zone)}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}
