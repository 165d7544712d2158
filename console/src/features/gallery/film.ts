/** Makes a film of pictures, in the browser. */
import {
  BufferTarget,
  CanvasSource,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
} from 'mediabunny'
import type { Picture } from './buckets'
import { fetched } from './fetched'

/** No side has more pixels; a picture is not made larger. */
const MOST_PIXELS = 1280
/** The widest known first. */
const CODECS = ['avc', 'vp9', 'av1'] as const

export interface Film {
  readonly file: Blob
  readonly frames: number
}

export interface FilmOptions {
  readonly perSecond: number
  /** What stands at the bottom left of a picture. */
  readonly caption: ((picture: Picture) => string) | null
}

/** The browser encodes none of the formats. */
export class CannotEncode extends Error {
  override readonly name = 'CannotEncode'
}

/** The size of a film whose first picture has this one: even, as the formats want it. */
export function filmSize(width: number, height: number): { readonly width: number; readonly height: number } {
  const scale = Math.min(1, MOST_PIXELS / Math.max(width, height))
  const even = (pixels: number) => Math.max(2 * Math.round((pixels * scale) / 2), 2)
  return { width: even(width), height: even(height) }
}

/** The first picture gives the film its size; others are scaled into it, with bars where their sides are otherwise. */
export async function makeFilm(
  pictures: readonly Picture[],
  { perSecond, caption }: FilmOptions,
  signal: AbortSignal,
  onFetched: () => void,
): Promise<Film> {
  let film: Awaited<ReturnType<typeof begin>> | undefined
  let frames = 0
  try {
    for await (const { picture, image } of fetched(pictures, signal)) {
      signal.throwIfAborted()
      const bitmap = image && (await createImageBitmap(image).catch(() => null))
      if (bitmap) {
        film ??= await begin(bitmap, perSecond)
        draw(film.context, bitmap, caption?.(picture) ?? null)
        bitmap.close()
        await film.source.add(frames / perSecond, 1 / perSecond)
        frames += 1
      }
      onFetched()
    }
    if (!film) throw new Error('no picture')
    await film.output.finalize()
  } catch (error) {
    await film?.output.cancel()
    throw error
  }
  const { buffer } = film.target
  if (!buffer) throw new Error('no film')
  return { file: new Blob([buffer], { type: 'video/mp4' }), frames }
}

async function begin(first: ImageBitmap, perSecond: number) {
  const size = filmSize(first.width, first.height)
  const codec = await getFirstEncodableVideoCodec([...CODECS], size)
  if (!codec) throw new CannotEncode('no codec')
  const canvas = document.createElement('canvas')
  Object.assign(canvas, size)
  const context = canvas.getContext('2d', { alpha: false })
  if (!context) throw new CannotEncode('no canvas')
  const target = new BufferTarget()
  const output = new Output({ format: new Mp4OutputFormat(), target })
  const source = new CanvasSource(canvas, { codec, bitrate: QUALITY_HIGH })
  output.addVideoTrack(source, { frameRate: perSecond })
  await output.start()
  return { context, source, output, target }
}

function draw(context: CanvasRenderingContext2D, picture: ImageBitmap, caption: string | null): void {
  const { width, height } = context.canvas
  const scale = Math.min(width / picture.width, height / picture.height)
  const [across, down] = [picture.width * scale, picture.height * scale]
  context.fillStyle = '#000'
  context.fillRect(0, 0, width, height)
  context.drawImage(picture, (width - across) / 2, (height - down) / 2, across, down)
  if (!caption) return
  const size = Math.max(Math.round(height / 28), 10)
  context.font = `${size}px system-ui, sans-serif`
  context.fillStyle = 'rgb(0 0 0 / 60%)'
  context.fillRect(0, height - size * 1.8, context.measureText(caption).width + size * 1.4, size * 1.8)
  context.fillStyle = '#fff'
  context.fillText(caption, size * 0.7, height - size * 0.6)
}
