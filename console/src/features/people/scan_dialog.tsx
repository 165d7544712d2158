/** Reads the QR code of a label with the camera. */
import { useEffect, useRef, useState } from 'react'
import { Overlay } from '@/shared/components/overlay'
import { useText } from '@/shared/messages/define'
import { peopleText } from '@/shared/messages/people'
import css from './people.module.css'

/** Browsers give cameras to pages with TLS, and to those of this machine, alone. */
export function canScan(): boolean {
  return 'mediaDevices' in navigator
}

const LOOK_MS = 150

interface ScanDialogProps {
  readonly found: (read: string) => void
  readonly close: () => void
}

export function ScanDialog({ found, close }: ScanDialogProps) {
  const text = useText(peopleText)
  const [error, setError] = useState<Error | null>(null)
  const reasons: Readonly<Record<string, string>> = text.cameraReasons
  return (
    <Overlay title={text.scan} close={close}>
      <p>{error === null ? text.scanWords : text.noCamera(reasons[error.name] ?? error.message)}</p>
      {error === null && <Camera found={found} failed={setError} />}
    </Overlay>
  )
}

interface CameraProps {
  readonly found: (read: string) => void
  readonly failed: (why: Error) => void
}

function Camera({ found, failed }: CameraProps) {
  const place = useRef<HTMLVideoElement>(null)
  const told = useRef({ found, failed })
  told.current = { found, failed }
  // The camera is something outside of React, which is turned on and off again.
  useEffect(() => {
    let stream: MediaStream | undefined
    let timer: ReturnType<typeof setInterval> | undefined
    let isOver = false
    async function open(video: HTMLVideoElement) {
      const [{ makeReader }, opened] = await Promise.all([
        import('./qr_reader'),
        navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } }),
      ])
      stream = opened
      if (isOver) return stop()
      video.srcObject = opened
      await video.play()
      const read = makeReader()
      timer = setInterval(() => {
        const code = read(video)
        if (code !== null) told.current.found(code)
      }, LOOK_MS)
      if (isOver) stop()
    }
    function stop() {
      isOver = true
      clearInterval(timer)
      for (const track of stream?.getTracks() ?? []) track.stop()
    }
    if (place.current) {
      open(place.current).catch((error: unknown) => {
        if (!isOver) told.current.failed(error instanceof Error ? error : new Error(String(error)))
      })
    }
    return stop
  }, [])
  return <video ref={place} className={css.camera} muted playsInline />
}
