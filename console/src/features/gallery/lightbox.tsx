/** One picture closely, with what came with it; or beside another one. */
import { Button } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { call, useCall } from '@/shared/call'
import { useLink } from '@/shared/components/picture'
import { Blocks, Loaded } from '@/shared/components/states'
import {
  IconArrowLeft,
  IconArrowRight,
  IconCalendarClock,
  IconColumns2,
  IconDownload,
  IconMaximize,
  IconPin,
  IconX,
  IconZoomIn,
  IconZoomOut,
} from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import { compact } from '@/shared/search'
import type { Picture } from './buckets'
import { Comparison } from './comparison'
import { Details, type PictureDetails } from './details'
import { Dialog } from './dialog'
import type { Every } from './gallery_search'
import { useKeys } from './keys'
import { Large } from './large'
import css from './lightbox.module.css'
import { SameHour } from './same_hour'
import { type Device, useNames } from './use_gallery'
import { useZoom } from './zoom'

/** What is asked for again is looked after. */
const EVERY_MS = 10_000

/** What is open: a picture, what it is compared with, and whether those of the same hour are shown. */
export interface Opened {
  readonly picture: string
  readonly with: string | undefined
  readonly same: Every | undefined
}

interface LightboxProps {
  readonly opened: Opened
  readonly devices: readonly Device[]
  readonly onOpen: (changes: Partial<Opened>) => void
  /** Towards older pictures, or newer ones if it is less than 0. */
  readonly onMove: (from: Picture, by: number) => void
  readonly onClose: () => void
  /** Not there for whom the role does not let. */
  readonly onPin: ((picture: Picture) => void) | undefined
  readonly onDelete: ((picture: Picture) => void) | undefined
}

function argumentsOf(opened: Opened) {
  return { p_capture: opened.picture, ...compact({ p_other: opened.with, p_every: opened.same }) }
}

/** The one to begin a comparison with: the latest of those before, or the first after it. */
export function candidate(pictures: readonly Picture[], picture: string): Picture | undefined {
  const place = pictures.findIndex(({ id }) => id === picture)
  return pictures[place - 1] ?? pictures[place + 1]
}

export function Lightbox({ opened, devices, onOpen, onMove, onClose, onPin, onDelete }: LightboxProps) {
  const text = useText(galleryText)
  const common = useText(commonText)
  const client = useQueryClient()
  const answer = useCall('console_picture', argumentsOf(opened), { every: EVERY_MS })
  const names = useNames(devices)
  const picture = answer.data
  const other = opened.with === undefined ? undefined : picture?.other
  const stage = useRef<HTMLDivElement>(null)
  const zoom = useZoom(stage, picture?.id ?? '')
  const move = (by: number) => picture && onMove(picture, by)
  const compare = async () => {
    if (opened.with !== undefined) return onOpen({ with: undefined })
    const same = opened.same ?? 'day'
    const args = argumentsOf({ ...opened, same })
    const told = await client.ensureQueryData({
      queryKey: ['console_picture', args],
      queryFn: () => call('console_picture', args),
    })
    onOpen({ same, with: candidate(told.same_hour ?? [], opened.picture)?.id })
  }
  const toggleSame = () => onOpen({ same: opened.same === undefined ? 'day' : undefined })
  useKeys(
    {
      arrowright: () => move(1),
      arrowleft: () => move(-1),
      arrowdown: () => move(1),
      arrowup: () => move(-1),
      j: () => move(1),
      k: () => move(-1),
      ' ': onClose,
      c: () => void compare(),
      s: toggleSame,
      p: () => picture && onPin?.(picture),
      delete: () => picture && onDelete?.(picture),
      '+': () => zoom.by(1.5),
      '=': () => zoom.by(1.5),
      '-': () => zoom.by(1 / 1.5),
      '0': zoom.reset,
    },
    { inDialog: true },
  )
  return (
    <Dialog
      label={text.details}
      className={css.lightbox}
      onClose={opened.with === undefined ? onClose : () => onOpen({ with: undefined })}
    >
      <div
        ref={stage}
        className={css.stage}
        data-zoomed={zoom.view.scale > 1}
        // A drag over a comparison moves its line.
        {...(other ? {} : zoom.handlers)}
      >
        {picture &&
          (other ? (
            <Comparison
              {...inOrderOf(picture, other)}
              name={names}
              zone={picture.timezone}
              view={zoom.view}
            />
          ) : (
            <Large picture={picture} name={names(picture.device)} view={zoom.view} />
          ))}
      </div>
      <div className={css.bar}>
        <Tool label={text.previous} icon={IconArrowLeft} onClick={() => move(-1)} />
        <Tool label={text.next} icon={IconArrowRight} onClick={() => move(1)} />
        <span className={css.gap} />
        <Tool
          label={text.compare}
          icon={IconColumns2}
          pressed={opened.with !== undefined}
          onClick={() => void compare()}
        />
        <Tool
          label={text.sameHour}
          icon={IconCalendarClock}
          pressed={opened.same !== undefined}
          onClick={toggleSame}
        />
        <span className={css.gap} />
        <Tool label={text.zoomOut} icon={IconZoomOut} onClick={() => zoom.by(1 / 1.5)} />
        <Tool label={text.zoomIn} icon={IconZoomIn} onClick={() => zoom.by(1.5)} />
        <Tool label={text.whole} icon={IconMaximize} onClick={zoom.reset} />
        <span className={css.gap} />
        <Tool label={common.close} icon={IconX} onClick={onClose} />
      </div>
      {opened.same && picture?.same_hour && (
        <div className={css.below}>
          <SameHour
            pictures={picture.same_hour}
            open={picture.id}
            other={other?.id}
            every={opened.same}
            zone={picture.timezone}
            onEvery={(same) => onOpen({ same })}
            onPress={({ id }) =>
              onOpen(opened.with === undefined || id === opened.picture ? { picture: id } : { with: id })
            }
          />
        </div>
      )}
      <aside className={css.aside}>
        <Loaded query={answer} loading={<Blocks count={4} height="4rem" />}>
          {(told) => (
            <Details picture={told} name={names(told.device)}>
              <Download picture={told} />
              {onPin && told.status === 'stored' && (
                <Button
                  variant="default"
                  leftSection={<IconPin size={16} aria-hidden="true" />}
                  onClick={() => onPin(told)}
                >
                  {told.pinned ? text.unpin : text.pin}
                </Button>
              )}
              {onDelete && told.path && !told.pinned && (
                <Button variant="subtle" color="red" onClick={() => onDelete(told)}>
                  {text.delete}
                </Button>
              )}
            </Details>
          )}
        </Loaded>
      </aside>
    </Dialog>
  )
}

function inOrderOf(one: Picture, other: Picture): { readonly older: Picture; readonly newer: Picture } {
  return Date.parse(one.at) < Date.parse(other.at)
    ? { older: one, newer: other }
    : { older: other, newer: one }
}

interface ToolProps {
  readonly label: string
  readonly icon: typeof IconX
  readonly pressed?: boolean
  readonly onClick: () => void
}

function Tool({ label, icon: Icon, pressed, onClick }: ToolProps) {
  return (
    <button
      type="button"
      className={css.tool}
      aria-label={label}
      aria-pressed={pressed}
      title={label}
      onClick={onClick}
    >
      <Icon size={20} aria-hidden="true" />
    </button>
  )
}

function Download({ picture }: { readonly picture: PictureDetails }) {
  const text = useText(galleryText)
  const link = useLink(picture.path ?? null)
  if (!link.data) return null
  const name = picture.name.endsWith('.jpg') ? picture.name : `${picture.name}.jpg`
  return (
    <Button
      component="a"
      // Storage on another origin downloads only what it is told to.
      href={`${link.data}&download=${encodeURIComponent(name)}`}
      download={name}
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden="true" />}
    >
      {text.download}
    </Button>
  )
}
