/** The latest picture, large; and the way through those of the time that is shown, with the charts. */
import { ActionIcon } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { nearest } from '@/shared/charts/points'
import { Card } from '@/shared/components/page'
import { Picture, useLink } from '@/shared/components/picture'
import { EmptyState } from '@/shared/components/states'
import { When } from '@/shared/components/when'
import { useFormat } from '@/shared/format'
import { IconPhoto, IconPlayerPause, IconPlayerPlay } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import { pictureHealthText } from '@/shared/messages/picture_health'
import { useRetold } from '@/shared/retold'
import { askForLinks } from '@/shared/sign'
import { useStore } from '@/shared/store'
import type { Device, Latest, PictureOfTime } from './device_answers'
import { moment } from './moment'
import css from './picture_card.module.css'

const FRAME_MS = 140
/** Thumbnails whose links are asked for together: as many as one call signs. */
const TOGETHER = 100
/** The whole picture is loaded once nobody has moved on for so long. */
const REST_MS = 250

interface PictureCardProps {
  readonly device: Device
  readonly latest: Latest | null
  readonly pictures: readonly PictureOfTime[]
}

export function PictureCard({ device, latest, pictures }: PictureCardProps) {
  const text = useText(deviceText)
  const retold = useRetold(pictureHealthText, device.zone)
  const at = useStore(moment)
  const times = useMemo(() => pictures.map(([taken]) => taken), [pictures])
  const place = at === null ? -1 : nearest(times, at)
  const [, , path = null, thumbnail = null] = pictures[place] ?? []
  useLinksAround(pictures, place)
  if (!latest && pictures.length === 0) {
    return (
      <Card title={text.picture}>
        <EmptyState icon={IconPhoto} title={text.noPictureTitle}>
          {device.last_seen_at === null ? text.neverHeard : text.noPicture}
        </EmptyState>
      </Card>
    )
  }
  const shown = place >= 0 || !latest ? { path, thumbnail } : latest
  const taken = place >= 0 || !latest ? new Date((times[place] ?? 0) * 1000) : latest.captured_at
  return (
    <Card>
      <LargePicture path={shown.path} thumbnail={shown.thumbnail} ratio={ratioOf(latest)} />
      <div className={css.caption}>
        <strong>
          <When at={taken} siteZone={device.zone} exact />
        </strong>
        {place < 0 ? (
          <span>{text.latest}</span>
        ) : (
          <>
            <span>{text.ofSoMany(place + 1, pictures.length)}</span>
            <button type="button" className={css.toLatest} onClick={() => moment.set(null)}>
              {text.toLatest}
            </button>
          </>
        )}
        {place < 0 && latest?.health_reason && (
          <span className={css.health}>{retold(latest.health_reason)}</span>
        )}
      </div>
      {pictures.length > 1 && <Scrubber times={times} place={place} zone={device.zone} />}
    </Card>
  )
}

function ratioOf(latest: Latest | null): number {
  return latest?.width && latest.height ? latest.width / latest.height : 4 / 3
}

/** Asks for the links of a hundred thumbnails at once, so that moving on waits for nothing. */
function useLinksAround(pictures: readonly PictureOfTime[], place: number): void {
  const client = useQueryClient()
  const block = place < 0 ? -1 : Math.floor(place / TOGETHER)
  useEffect(() => {
    if (block < 0) return
    const together = pictures.slice(block * TOGETHER, (block + 1) * TOGETHER)
    askForLinks(
      client,
      together.map(([, , , thumbnail]) => thumbnail),
    )
  }, [client, pictures, block])
}

interface LargePictureProps {
  readonly path: string | null
  readonly thumbnail: string | null
  readonly ratio: number
}

/** The thumbnail at once, and over it the whole picture when it has come. */
function LargePicture({ path, thumbnail, ratio }: LargePictureProps) {
  const text = useText(deviceText)
  const [resting] = useDebouncedValue(path, REST_MS)
  const link = useLink(resting)
  const [come, setCome] = useState<string | null>(null)
  return (
    <div className={css.large}>
      <Picture path={thumbnail ?? path} alt={text.pictureOf} ratio={ratio} eager />
      {link.data && resting === path && (
        <img
          key={link.data}
          src={link.data}
          alt=""
          data-come={come === link.data}
          onLoad={() => setCome(link.data ?? null)}
        />
      )}
    </div>
  )
}

interface ScrubberProps {
  readonly times: readonly number[]
  readonly place: number
  readonly zone: string
}

function Scrubber({ times, place, zone }: ScrubberProps) {
  const text = useText(deviceText)
  const format = useFormat()
  const [playing, setPlaying] = useState(false)
  const last = times.length - 1
  const shown = place < 0 ? last : place

  useEffect(() => {
    if (!playing) return
    const timer = setInterval(() => {
      const at = moment.get()
      const next = at === null ? 0 : nearest(times, at) + 1
      if (next > last) setPlaying(false)
      else moment.set(times[next] ?? null)
    }, FRAME_MS)
    return () => clearInterval(timer)
  }, [playing, times, last])

  const label = playing ? text.pause : text.play
  return (
    <div className={css.scrubber}>
      <ActionIcon
        variant="light"
        size="lg"
        radius="xl"
        aria-label={label}
        title={label}
        onClick={() => {
          if (!playing && shown === last) moment.set(times[0] ?? null)
          setPlaying(!playing)
        }}
      >
        {playing ? (
          <IconPlayerPause size={18} aria-hidden="true" />
        ) : (
          <IconPlayerPlay size={18} aria-hidden="true" />
        )}
      </ActionIcon>
      <input
        type="range"
        min={0}
        max={last}
        value={shown}
        aria-label={text.scrub}
        aria-valuetext={format.moment(new Date((times[shown] ?? 0) * 1000), zone)}
        onChange={(event) => {
          setPlaying(false)
          moment.set(times[Number(event.currentTarget.value)] ?? null)
        }}
      />
    </div>
  )
}
