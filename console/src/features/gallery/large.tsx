/** A picture as large as its room. */
import { useLink } from '@/shared/components/picture'
import { IconPhotoOff } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import type { Picture } from './buckets'
import css from './large.module.css'
import type { View } from './zoom'

interface LargeProps {
  readonly picture: Picture
  readonly name: string
  readonly view: View
}

/** The thumbnail until the picture itself is there. */
export function Large({ picture, name, view }: LargeProps) {
  const text = useText(galleryText)
  const whole = useLink(picture.path ?? null)
  const thumbnail = useLink(picture.thumbnail ?? null)
  if (!picture.path && !picture.thumbnail) {
    return (
      <p className={css.none}>
        <IconPhotoOff size={32} stroke={1.4} aria-hidden="true" />
        {picture.status === 'expired' ? text.expired : text.failed}
      </p>
    )
  }
  return (
    <div
      className={css.large}
      style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
    >
      {thumbnail.data && <img src={thumbnail.data} alt="" draggable={false} />}
      {whole.data && <img key={picture.id} src={whole.data} alt={name} draggable={false} />}
    </div>
  )
}
