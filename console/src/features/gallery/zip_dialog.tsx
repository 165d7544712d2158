/** Downloads pictures as one ZIP archive. */
import { Button } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { Overlay } from '@/shared/components/overlay'
import { useFormat } from '@/shared/format'
import { IconDownload } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import { makingText } from '@/shared/messages/making'
import { time } from '@/shared/time'
import { type Archive, pack } from './archive'
import type { Picture } from './buckets'
import { fileNames } from './file_names'
import { useJob, useObjectLink } from './job'
import { JobState } from './job_state'
import css from './making.module.css'
import { type Device, useNames } from './use_gallery'

interface ZipDialogProps {
  readonly pictures: readonly Picture[]
  readonly devices: readonly Device[]
  readonly close: () => void
}

export function ZipDialog({ pictures, devices, close }: ZipDialogProps) {
  const text = useText(makingText)
  const words = useText(galleryText)
  const format = useFormat()
  const names = useNames(devices)
  const { start, ...job } = useJob<Archive>()
  const link = useObjectLink(job.result?.file)
  const anchor = useRef<HTMLAnchorElement>(null)
  const begin = () => {
    const name = fileNames()
    const zones = new Map(devices.map(({ device_id, timezone }) => [device_id, timezone]))
    const nameOf = ({ device, at }: Picture) => name(names(device), time(at), format.zone(zones.get(device)))
    start((signal, onStep) => pack(pictures, nameOf, signal, onStep))
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: it begins once, when it opens.
  useEffect(begin, [])
  useEffect(() => {
    if (link) anchor.current?.click()
  }, [link])
  const left = job.result ? pictures.length - job.result.pictures : 0
  return (
    <Overlay title={words.zip} isFirm close={close}>
      {job.result ? (
        <div className={css.working} role="status">
          <p>
            {text.packed(
              job.result.pictures,
              format.number(job.result.pictures),
              format.bytes(job.result.file.size),
            )}
          </p>
          {left > 0 && <p>{text.left(left, format.number(left))}</p>}
          <Button
            ref={anchor}
            component="a"
            href={link}
            download={text.zipName}
            leftSection={<IconDownload size={16} aria-hidden="true" />}
          >
            {text.save}
          </Button>
        </div>
      ) : (
        <JobState job={job} total={pictures.length} retry={begin} onCancel={close} />
      )}
    </Overlay>
  )
}
