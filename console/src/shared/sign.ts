/** Links to pictures, signed in batches. A link holds for an hour and is used for 50 minutes. */
import { type QueryClient, queryOptions } from '@tanstack/react-query'
import { asUser } from './call'
import { config } from './config'
import { fetchAsUser } from './supabase'

const HOLDS_SECONDS = 3600
const USED_MS = 50 * 60 * 1000
const MOST = 100

interface Wanted {
  readonly path: string
  readonly resolve: (link: string | null) => void
  readonly reject: (error: unknown) => void
}

let waiting: Wanted[] = []

interface Signed {
  readonly path: string
  /** Below /storage/v1, with a token that is for this object alone; null where there is none for this user. */
  readonly signedURL: string | null
}

async function askStorage(paths: readonly string[]) {
  const response = await fetchAsUser(`${config.url}/storage/v1/object/sign/${config.bucket}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ paths, expiresIn: HOLDS_SECONDS }),
  }).catch((error: unknown) => ({
    ok: false as const,
    status: 0,
    json: async () => ({ message: String(error) }),
  }))
  const answer: unknown = await response.json().catch(() => ({ message: response.status }))
  return response.ok
    ? { data: answer as readonly Signed[], error: null }
    : { data: null, error: answer as { message: string }, status: response.status }
}

async function signBatch(batch: readonly Wanted[]): Promise<void> {
  try {
    const signed = await asUser(() => askStorage([...new Set(batch.map(({ path }) => path))]))
    const links = new Map(
      signed.map(({ path, signedURL }) => [path, signedURL && `${config.url}/storage/v1${signedURL}`]),
    )
    for (const { path, resolve } of batch) resolve(links.get(path) ?? null)
  } catch (error) {
    for (const { reject } of batch) reject(error)
  }
}

function signWaiting(): void {
  const all = waiting
  waiting = []
  for (let first = 0; first < all.length; first += MOST) void signBatch(all.slice(first, first + MOST))
}

/** Returns a link to an object, null if there is none for this user. Those asked for in one task are signed by one call. */
export function sign(path: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    // Before what else is to be done: drawing what has come, for one, takes longer than signing its pictures.
    if (waiting.length === 0) queueMicrotask(signWaiting)
    waiting.push({ path, resolve, reject })
  })
}

/** What asks for a link and keeps it, for as long as it holds. */
export function linkQuery(path: string | null) {
  return queryOptions({
    queryKey: ['link', path],
    queryFn: () => (path === null ? null : sign(path)),
    staleTime: USED_MS,
    gcTime: USED_MS,
    refetchOnWindowFocus: false,
  })
}

/** Asks for the links of pictures that will be shown, unless they are known. */
export function askForLinks(client: QueryClient, paths: Iterable<string | null | undefined>): void {
  for (const path of paths) if (path) void client.prefetchQuery(linkQuery(path))
}
