/** One picture among many: its thumbnail, when and whose it is, and what is to be known before looking closer. */
import { memo } from 'react'
import { Picture as Thumbnail } from '@/shared/components/picture'
import { IconPin } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import type { Picture } from './buckets'
import { useLabel } from './label'
import css from './tile.module.css'

interface TileProps {
  readonly picture: Picture
  readonly name: string
  readonly clock: string
  /** Said before the time by those who do not see the heading. */
  readonly day: string
  /** The one that the keyboard reaches. */
  readonly reached: boolean
  readonly chosen: boolean
  /** Its thumbnail is not fetched yet. */
  readonly waits: boolean
  /** … and after those that are in sight. */
  readonly later: boolean
  /** It is about to be deleted. */
  readonly going: boolean
  /** A click chooses it, or opens it. */
  readonly onPress: (picture: Picture) => void
}

export const Tile = memo(function Tile({
  picture,
  name,
  clock,
  day,
  reached,
  chosen,
  waits,
  later,
  going,
  onPress,
}: TileProps) {
  const text = useText(galleryText)
  const { status } = picture
  const label = useLabel()(picture)
  return (
    <button
      type="button"
      className={css.tile}
      data-id={picture.id}
      data-status={status}
      tabIndex={reached ? 0 : -1}
      aria-pressed={chosen || undefined}
      data-going={going}
      onClick={() => onPress(picture)}
    >
      <Thumbnail path={picture.thumbnail ?? null} alt="" eager waits={waits} later={later} />
      {(label || picture.pinned) && (
        <span className={css.label} data-tone={status === 'stored' && label ? 'odd' : status}>
          {picture.pinned && <IconPin size={12} role="img" aria-label={text.labels.pinned} />}
          {label}
        </span>
      )}
      <span className={css.caption}>
        <span>{name}</span>
        <span className={css.unseen}>{day}</span>
        <span>{clock}</span>
      </span>
    </button>
  )
})
