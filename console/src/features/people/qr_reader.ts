/** Reads QR codes from a camera's frames; loaded when a camera is opened, since few browsers can do that by themselves. */
import { decodeQR } from 'qr/decode.js'

/** A frame is made so small before it is searched: a label fills much of it. */
const LONGEST = 640

/** Returns a function that says what the QR code in the present frame says; null if there is none that can be read. */
export function makeReader(): (video: HTMLVideoElement) => string | null {
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d', { willReadFrequently: true })
  return (video) => {
    const { videoWidth: width, videoHeight: height } = video
    if (!context || width === 0 || height === 0) return null
    const scale = Math.min(LONGEST / Math.max(width, height), 1)
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    context.drawImage(video, 0, 0, canvas.width, canvas.height)
    try {
      return decodeQR(context.getImageData(0, 0, canvas.width, canvas.height))
    } catch {
      // It throws where it finds no code.
      return null
    }
  }
}
