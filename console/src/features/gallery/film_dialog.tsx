/** Makes a film of pictures in the browser, shows it, and lets it be saved. */
import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { Overlay } from '@/shared/components/overlay'
import { useFormat } from '@/shared/format'
import { IconDownload } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import { makingText } from '@/shared/messages/making'
import type { Picture } from './buckets'
import type { Film } from './film'
import { MOST_FOUND, MOST_FRAMES, thinned } from './film_range'
import fields from './filters.module.css'
import { useJob, useObjectLink } from './job'
import { JobState } from './job_state'
import css from './making.module.css'
import { type Device, useNames } from './use_gallery'

const SPEEDS = [6, 12, 24] as const

interface FilmDialogProps {
  readonly devices: readonly Device[]
  readonly siteZone: string | null
  /** How many pictures there are to choose from, and the whole ones among them. */
  readonly found: number
  readonly load: () => Promise<readonly Picture[]>
  /** Of what it is made, to be chosen. */
  readonly children?: ReactNode
  /** Something is still to be chosen. */
  readonly isOpen?: boolean
  readonly close: () => void
}

export function FilmDialog({
  devices,
  siteZone,
  found,
  load,
  children,
  isOpen = false,
  close,
}: FilmDialogProps) {
  const text = useText(makingText)
  const words = useText(galleryText)
  const format = useFormat()
  const names = useNames(devices)
  const [perSecond, setPerSecond] = useState<number>(12)
  const [hasCaption, setHasCaption] = useState(true)
  const [total, setTotal] = useState(found)
  const job = useJob<Film>()
  const link = useObjectLink(job.result?.file)
  const make = () => {
    const captionOf = (picture: Picture) =>
      `${names(picture.device)}  ${format.date(picture.at, siteZone)} ${format.clock(picture.at, siteZone)}`
    job.start(async (signal, onStep) => {
      const [{ makeFilm }, all] = await Promise.all([import('./film'), load()])
      const whole = all.filter(({ status }) => status === 'stored')
      const pictures = thinned(
        whole.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at)),
        MOST_FRAMES,
      )
      setTotal(pictures.length)
      return makeFilm(pictures, { perSecond, caption: hasCaption ? captionOf : null }, signal, onStep)
    })
  }
  return (
    <Overlay title={words.film} size="lg" isFirm close={close}>
      {typeof VideoEncoder === 'undefined' ||
      (job.error instanceof Error && job.error.name === 'CannotEncode') ? (
        <div className={css.working}>
          <p>{text.noEncoder}</p>
          <Link to="/keeping/timelapses">{text.toTimelapses}</Link>
        </div>
      ) : job.result ? (
        <div className={css.working}>
          <video className={css.film} src={link} controls muted loop aria-label={words.film} />
          <p role="status">
            {text.filmed(
              job.result.frames,
              format.number(job.result.frames),
              format.bytes(job.result.file.size),
            )}
            {total > job.result.frames &&
              ` ${text.left(total - job.result.frames, format.number(total - job.result.frames))}`}
          </p>
          <div className={css.buttons}>
            <Button variant="default" onClick={job.cancel}>
              {text.another}
            </Button>
            <Button
              component="a"
              href={link}
              download={text.filmName}
              leftSection={<IconDownload size={16} aria-hidden="true" />}
            >
              {text.save}
            </Button>
          </div>
        </div>
      ) : job.state === 'idle' ? (
        <form
          className={css.working}
          onSubmit={(event) => {
            event.preventDefault()
            make()
          }}
        >
          {children}
          <label className={css.field}>
            <span>{text.speed}</span>
            <select
              className={fields.field}
              aria-label={text.speed}
              value={perSecond}
              onChange={(event) => setPerSecond(Number(event.currentTarget.value))}
            >
              {SPEEDS.map((speed) => (
                <option key={speed} value={speed}>
                  {text.perSecond(speed)}
                </option>
              ))}
            </select>
          </label>
          <label className={css.check}>
            <input
              type="checkbox"
              checked={hasCaption}
              onChange={(event) => setHasCaption(event.currentTarget.checked)}
            />
            {text.caption}
          </label>
          <p className={css.soft}>
            {isOpen
              ? text.chooseDevice
              : found === 0
                ? text.nothing
                : found > MOST_FOUND
                  ? text.tooMany(format.number(found), format.number(MOST_FOUND))
                  : found > MOST_FRAMES
                    ? text.thinned(format.number(found), format.number(MOST_FRAMES))
                    : text.ofPictures(found, format.number(found))}
          </p>
          <Button type="submit" disabled={isOpen || found === 0 || found > MOST_FOUND}>
            {text.make}
          </Button>
        </form>
      ) : (
        <JobState job={job} total={total} retry={make} onCancel={job.cancel} />
      )}
    </Overlay>
  )
}
