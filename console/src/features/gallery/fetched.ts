/** Fetches pictures one after the other, some ahead of the one that is wanted now. */
import { sign } from '@/shared/sign'
import type { Picture } from './buckets'

const AHEAD = 4
/** Links are signed for so many by one call, shortly before they are used. */
const SIGNED_TOGETHER = 100
/** What Storage answers of an object that is not there any more, or not for this user. */
const GONE = [400, 403, 404]

export interface Fetched {
  readonly picture: Picture
  /** Null if it was let go meanwhile. */
  readonly image: Blob | null
}

async function fetchOne(picture: Picture, link: string | null, signal: AbortSignal): Promise<Fetched> {
  if (link === null) return { picture, image: null }
  const answer = await fetch(link, { signal })
  if (!answer.ok && !GONE.includes(answer.status)) throw new Error(`Storage: ${answer.status}`)
  return { picture, image: answer.ok ? await answer.blob() : null }
}

/** In the order of the list. Throws what went wrong, or the signal's reason. */
export async function* fetched(
  pictures: readonly Picture[],
  signal: AbortSignal,
): AsyncGenerator<Fetched, void, void> {
  const ahead: Promise<Fetched>[] = []
  for (let begin = 0; begin < pictures.length; begin += SIGNED_TOGETHER) {
    signal.throwIfAborted()
    const together = pictures.slice(begin, begin + SIGNED_TOGETHER)
    const links = await Promise.all(together.map(({ path }) => (path === undefined ? null : sign(path))))
    for (const [number, picture] of together.entries()) {
      const one = fetchOne(picture, links[number] ?? null, signal)
      // Whoever waits for an earlier one hears of that one first.
      one.catch(() => undefined)
      ahead.push(one)
      const first = ahead.length > AHEAD ? ahead.shift() : undefined
      if (first) yield await first
    }
  }
  for (const one of ahead) yield await one
}
