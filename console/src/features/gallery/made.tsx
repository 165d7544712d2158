/** What is made of several pictures: of those that were chosen, or a film of the days in the address. */
import type { Picture } from './buckets'
import { FilmDialog } from './film_dialog'
import { FilmOfDays } from './film_of_days'
import type { Gallery } from './use_gallery'
import { ZipDialog } from './zip_dialog'

export interface Making {
  readonly what: 'zip' | 'film'
  readonly pictures: readonly Picture[]
}

interface MadeProps {
  readonly making: Making | undefined
  readonly film: string | undefined
  readonly device: string | undefined
  readonly gallery: Gallery
  readonly siteZone: string | null
  readonly onDevice: (device: string | undefined) => void
  readonly onDays: (film: string) => void
  readonly close: () => void
}

export function Made({ making, film, gallery, siteZone, close, ...range }: MadeProps) {
  const { devices } = gallery
  if (making?.what === 'zip') {
    return <ZipDialog pictures={making.pictures} devices={devices} close={close} />
  }
  if (making) {
    const load = async () => making.pictures
    return (
      <FilmDialog
        devices={devices}
        siteZone={siteZone}
        found={making.pictures.length}
        load={load}
        close={close}
      />
    )
  }
  return film && <FilmOfDays gallery={gallery} siteZone={siteZone} film={film} close={close} {...range} />
}
