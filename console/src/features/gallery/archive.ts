/** Packs pictures into a ZIP archive. Each is fetched when the archive takes it, and what is packed goes to the disk. */
import { makeZip } from 'client-zip'
import { makeDraft } from '@/shared/drafts'
import { time } from '@/shared/time'
import type { Picture } from './buckets'
import { fetched } from './fetched'

const TYPE = 'application/zip'

export interface Archive {
  readonly file: Blob
  readonly pictures: number
}

/** Packs them under these names; `onFetched` is called after each. Throws what went wrong, or the signal's reason. */
export async function pack(
  pictures: readonly Picture[],
  nameOf: (picture: Picture) => string,
  signal: AbortSignal,
  onFetched: () => void,
): Promise<Archive> {
  let packed = 0
  async function* entries() {
    for await (const { picture, image } of fetched(pictures, signal)) {
      if (image) {
        packed += 1
        yield { name: nameOf(picture), lastModified: time(picture.at), input: image }
      }
      onFetched()
    }
  }
  const file = await keep(makeZip(entries()), signal)
  return { file, pictures: packed }
}

/** On the disk, or in memory where the browser has no files for that. */
async function keep(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<Blob> {
  const draft = await makeDraft()
  if (draft) {
    await stream.pipeTo(await draft.createWritable(), { signal })
    return draft.getFile()
  }
  const held = await new Response(stream, { headers: { 'content-type': TYPE } }).blob()
  signal.throwIfAborted()
  return held
}
