/** A film of what the gallery shows of a device between two days; both stand in the address. */
import { useQueryClient } from '@tanstack/react-query'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import { makingText } from '@/shared/messages/making'
import { FilmDialog } from './film_dialog'
import { bucketsOfDays, daysOf } from './film_range'
import fields from './filters.module.css'
import css from './making.module.css'
import { type Gallery, picturesOptions } from './use_gallery'

interface FilmOfDaysProps {
  readonly gallery: Gallery
  readonly siteZone: string | null
  readonly device: string | undefined
  readonly film: string
  readonly onDevice: (device: string | undefined) => void
  readonly onDays: (film: string) => void
  readonly close: () => void
}

export function FilmOfDays({ gallery, siteZone, device, film, onDevice, onDays, close }: FilmOfDaysProps) {
  const text = useText(makingText)
  const words = useText(galleryText)
  const client = useQueryClient()
  const [from, to] = daysOf(film)
  const placed = bucketsOfDays(gallery.buckets, [from, to])
  const load = async () => {
    const found = await Promise.all(
      placed.map((one) => client.ensureQueryData(picturesOptions(client, gallery.filter, one))),
    )
    return found.flat()
  }
  return (
    <FilmDialog
      devices={gallery.devices}
      siteZone={siteZone}
      found={placed.reduce((sum, { bucket }) => sum + bucket[3], 0)}
      load={load}
      isOpen={device === undefined}
      close={close}
    >
      <label className={css.field}>
        <span>{words.device}</span>
        <select
          className={fields.field}
          aria-label={words.device}
          value={device ?? ''}
          onChange={(event) => onDevice(event.currentTarget.value || undefined)}
        >
          <option value="">{text.noDevice}</option>
          {gallery.devices.map(({ device_id, name }) => (
            <option key={device_id} value={device_id}>
              {name ?? device_id}
            </option>
          ))}
        </select>
      </label>
      <div className={css.days}>
        <label className={css.field}>
          <span>{text.from}</span>
          <input
            type="date"
            className={fields.field}
            value={from}
            max={to}
            onChange={(event) => event.currentTarget.value && onDays(`${event.currentTarget.value}_${to}`)}
          />
        </label>
        <label className={css.field}>
          <span>{text.to}</span>
          <input
            type="date"
            className={fields.field}
            value={to}
            min={from}
            onChange={(event) => event.currentTarget.value && onDays(`${from}_${event.currentTarget.value}`)}
          />
        </label>
      </div>
    </FilmDialog>
  )
}
