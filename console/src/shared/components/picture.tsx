/** A picture of the bucket by its path: the link is signed together with those of its neighbours. */

import { useQuery } from '@tanstack/react-query'
import { useCallback, useState } from 'react'
import { IconPhotoOff } from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { linkQuery } from '@/shared/sign'
import css from './picture.module.css'

/** A link to an object; null where there is none. */
export function useLink(path: string | null, isWanted = true) {
  return useQuery({ ...linkQuery(path), enabled: isWanted && path !== null })
}

interface PictureProps {
  readonly path: string | null
  /** What the picture shows, for those who do not see it; empty where the text beside it says so. */
  readonly alt: string
  /** Width by height; the room is kept while it loads. */
  readonly ratio?: number
  /** Only for the few that are seen first: the others are loaded when they come near. */
  readonly eager?: boolean
  /** Not fetched yet; its room is kept. */
  readonly waits?: boolean
  /** Fetched after all others that are wanted. */
  readonly later?: boolean
}

export function Picture({
  path,
  alt,
  ratio = 4 / 3,
  eager = false,
  waits = false,
  later = false,
}: PictureProps) {
  const text = useText(commonText)
  const link = useLink(path, !waits)
  const [broken, setBroken] = useState<string | null>(null)
  const source = link.data ?? null
  // What leaves the page before it has come is loaded no further: what is seen would wait behind it.
  const hold = useCallback(
    (image: HTMLImageElement) => {
      if (source && !image.hasAttribute('src')) image.src = source
      return () => {
        if (!image.complete) image.removeAttribute('src')
      }
    },
    [source],
  )
  const gone = path === null || link.isError || link.data === null || (link.data && broken === link.data)
  return (
    <span className={css.frame} style={{ aspectRatio: ratio }}>
      {gone ? (
        <span className={css.gone} role="img" aria-label={text.noPicture} title={text.noPicture}>
          <IconPhotoOff size={20} stroke={1.5} aria-hidden="true" />
        </span>
      ) : (
        link.data &&
        !waits && (
          <img
            ref={hold}
            src={link.data}
            alt={alt}
            loading={eager ? 'eager' : 'lazy'}
            decoding="async"
            fetchPriority={later ? 'low' : 'high'}
            onError={() => setBroken(link.data ?? null)}
          />
        )
      )}
    </span>
  )
}
