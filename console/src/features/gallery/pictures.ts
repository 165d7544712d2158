/** Asks for the pictures of buckets: those wanted at about the same time, of stretches that touch, by one call. */
import { call } from '@/shared/call'
import { time } from '@/shared/time'
import type { Picture, Placed } from './buckets'
import type { Filter } from './gallery_search'

declare module '@/shared/call' {
  interface Answers {
    console_pictures: readonly Picture[]
  }
}

/** Calls follow each other after so long at the least: whoever scrolls past a day in less does not want it. */
const GATHER_MS = 40
/** The database answers with no more. */
const MOST = 1000

interface Wanted {
  readonly filter: Filter
  readonly placed: Placed
  readonly signal: AbortSignal
  readonly resolve: (pictures: readonly Picture[]) => void
  readonly reject: (error: unknown) => void
}

export function secondsOf(picture: { readonly at: string }): number {
  return time(picture.at).getTime() / 1000
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}

async function askStretch(filter: Filter, from: number, to: number): Promise<readonly Picture[]> {
  const stretch = { p_from: iso(from), p_to: iso(to), p_filter: filter }
  const found = [...(await call('console_pictures', stretch))]
  for (let page = found; page.length === MOST; ) {
    const last = page.at(-1)
    if (!last) break
    page = [...(await call('console_pictures', { ...stretch, p_after_at: last.at, p_after: last.id }))]
    found.push(...page)
  }
  return found
}

async function askRun(run: readonly Wanted[]): Promise<void> {
  const [first] = run
  if (!first) return
  try {
    const found = await askStretch(
      first.filter,
      Math.min(...run.map(({ placed }) => placed.bucket[0])),
      Math.max(...run.map(({ placed }) => placed.bucket[1])),
    )
    for (const { placed, resolve } of run) {
      const [from, to] = placed.bucket
      resolve(
        found.filter((picture) => {
          const seconds = secondsOf(picture)
          return from <= seconds && seconds < to
        }),
      )
    }
  } catch (error) {
    for (const { reject } of run) reject(error)
  }
}

/** Lists of what one call asks for: of one filter, one after the other, and not too many. */
function runsOf(wanted: readonly Wanted[]): readonly (readonly Wanted[])[] {
  const runs: Wanted[][] = []
  let next = -1
  let pictures = 0
  for (const one of wanted.toSorted((a, b) => a.placed.place - b.placed.place)) {
    const { bucket, place } = one.placed
    const run = runs.at(-1)
    pictures += bucket[3]
    if (run && run[0]?.filter === one.filter && place === next && pictures < MOST) run.push(one)
    else {
      runs.push([one])
      pictures = bucket[3]
    }
    next = place + bucket[3]
  }
  return runs
}

let waiting: Wanted[] = []
let askedAt = Number.NEGATIVE_INFINITY

function askWaiting(): void {
  askedAt = performance.now()
  const all = waiting
  waiting = []
  for (const { signal, reject } of all) if (signal.aborted) reject(signal.reason)
  for (const run of runsOf(all.filter(({ signal }) => !signal.aborted))) void askRun(run)
}

/** The pictures of a bucket, newest first. */
export function loadPictures(
  filter: Filter,
  placed: Placed,
  signal: AbortSignal,
): Promise<readonly Picture[]> {
  return new Promise((resolve, reject) => {
    if (waiting.length === 0) {
      if (performance.now() - askedAt < GATHER_MS) setTimeout(askWaiting, GATHER_MS)
      else queueMicrotask(askWaiting)
    }
    waiting.push({ filter, placed, signal, resolve, reject })
  })
}
