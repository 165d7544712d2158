/** What the gallery knows of the server: how many pictures there are when, those that are seen, and what arrives. */
import {
  keepPreviousData,
  type QueryClient,
  queryOptions,
  type UseQueryResult,
  useQueries,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { useMemo } from 'react'
import { call } from '@/shared/call'
import { askForLinks } from '@/shared/sign'
import { type Arrival, type Bucket, inOrder, type Picture, type Placed, withOneMore } from './buckets'
import type { Filter } from './gallery_search'
import { loadPictures, secondsOf } from './pictures'

export interface Device {
  readonly device_id: string
  readonly name: string | null
  readonly site_id: string | null
  readonly timezone: string | null
}

export interface Site {
  readonly site_id: string
  readonly name: string
  readonly timezone: string | null
}

interface Told {
  readonly buckets: readonly Bucket[]
  readonly devices: readonly Device[]
  readonly sites: readonly Site[]
  readonly asked_at: string
}

/** With the filter that was asked for: while another one is asked for, what was shown stays whole. */
export interface Gallery extends Told {
  readonly filter: Filter
}

interface Arrivals {
  readonly pictures: readonly Arrival[]
  readonly asked_at: string
  readonly more: boolean
}

declare module '@/shared/call' {
  interface Answers {
    console_gallery: Told
    console_arrivals: Arrivals
  }
}

const ARRIVALS_EVERY_MS = 5_000
/** What is seen is asked again, for what others have changed. */
const SEEN_EVERY_MS = 60_000

function galleryOptions(filter: Filter) {
  return queryOptions({
    queryKey: ['console_gallery', filter],
    queryFn: async (): Promise<Gallery> => ({
      ...(await call('console_gallery', { p_filter: filter })),
      filter,
    }),
    placeholderData: keepPreviousData,
    // What arrives is added to it.
    staleTime: Number.POSITIVE_INFINITY,
  })
}

export function useGallery(filter: Filter): UseQueryResult<Gallery, Error> {
  return useQuery(galleryOptions(filter))
}

/** Places from one up to another; of their pictures the links are asked for, those that are known first of all. */
export type Near = readonly [from: number, to: number]

export function askForLinksNear(
  client: QueryClient,
  { place }: Placed,
  pictures: readonly Picture[],
  [from, to]: Near,
): void {
  const near = pictures.slice(Math.max(from - place, 0), Math.max(to - place, 0))
  askForLinks(
    client,
    near.map(({ thumbnail }) => thumbnail),
  )
}

export function picturesOptions(client: QueryClient, filter: Filter, placed: Placed, near: Near = [0, 0]) {
  const [from, to] = placed.bucket
  return queryOptions({
    queryKey: ['console_pictures', filter, from, to],
    queryFn: async ({ signal }) => {
      const pictures = await loadPictures(filter, placed, signal)
      // While the pictures are drawn their links are made.
      askForLinksNear(client, placed, pictures, near)
      if (pictures.length !== placed.bucket[3]) recount(client, filter, placed.bucket, pictures.length)
      return pictures
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** A bucket may have changed since it was counted. */
function recount(client: QueryClient, filter: Filter, [from, to, day]: Bucket, count: number): void {
  client.setQueryData(galleryOptions(filter).queryKey, (gallery) => {
    const index = gallery?.buckets.findIndex((bucket) => bucket[0] === from && bucket[1] === to) ?? -1
    if (!gallery || index < 0) return gallery
    const counted: readonly Bucket[] = count > 0 ? [[from, to, day, count]] : []
    return { ...gallery, buckets: gallery.buckets.toSpliced(index, 1, ...counted) }
  })
}

/** The pictures of these buckets by the beginning of the bucket; undefined while they are asked for. */
export function usePictures(
  filter: Filter,
  seen: readonly Placed[],
  near: Near,
): { readonly found: ReadonlyMap<number, readonly Picture[]>; readonly error: Error | null } {
  const client = useQueryClient()
  return useQueries({
    queries: seen.map((placed) => ({
      ...picturesOptions(client, filter, placed, near),
      refetchInterval: SEEN_EVERY_MS,
    })),
    combine: (answers) => ({
      found: new Map(answers.map(({ data }, index) => [seen[index]?.bucket[0] ?? 0, data ?? []])),
      error: answers.find(({ error }) => error)?.error ?? null,
    }),
  })
}

interface Seen {
  readonly asked_at: string
  readonly arrived: readonly string[]
}

/** A partial picture that becomes a whole one arrives once more. */
function arrivalOf({ id, status }: Picture): string {
  return `${id} ${status}`
}

/** Asks for what has come since the gallery was asked for, and adds it to what is known of it. */
export function useArrivals(gallery: Gallery | undefined): void {
  const client = useQueryClient()
  const queryKey = ['console_arrivals', gallery?.filter]
  useQuery({
    queryKey,
    queryFn: async (): Promise<Seen | null> => {
      const seen = client.getQueryData<Seen>(queryKey)
      if (!gallery || !seen) return null
      const { filter } = gallery
      const { pictures, asked_at, more } = await call('console_arrivals', {
        p_since: seen.asked_at,
        p_filter: filter,
      })
      if (more) await client.invalidateQueries({ queryKey: galleryOptions(filter).queryKey })
      else {
        add(
          client,
          filter,
          pictures.filter((picture) => !seen.arrived.includes(arrivalOf(picture))),
        )
      }
      return { asked_at, arrived: pictures.map(arrivalOf) }
    },
    initialData: () => (gallery ? { asked_at: gallery.asked_at, arrived: [] } : undefined),
    staleTime: ARRIVALS_EVERY_MS,
    enabled: gallery !== undefined,
    refetchInterval: ARRIVALS_EVERY_MS,
  })
}

function add(client: QueryClient, filter: Filter, arrivals: readonly Arrival[]): void {
  const { queryKey } = galleryOptions(filter)
  for (const { day, ...picture } of arrivals) {
    const gallery = client.getQueryData(queryKey)
    if (!gallery) return
    const [buckets, bucket] = withOneMore(gallery.buckets, secondsOf(picture), day)
    const key = picturesOptions(client, filter, { bucket, place: 0 }).queryKey
    const known = bucket[3] === 1 ? [] : client.getQueryData(key)
    const before = known?.findIndex(({ id }) => id === picture.id) ?? -1
    if (known && before >= 0) {
      client.setQueryData(key, known.with(before, picture))
      continue
    }
    if (known) client.setQueryData(key, inOrder([...known, picture]))
    client.setQueryData(queryKey, { ...gallery, buckets })
  }
}

/** A device's name, or its id. */
export function useNames(devices: readonly Device[]): (device: string) => string {
  return useMemo(() => {
    const names = new Map(devices.map(({ device_id, name }) => [device_id, name ?? device_id]))
    return (device) => names.get(device) ?? device
  }, [devices])
}
