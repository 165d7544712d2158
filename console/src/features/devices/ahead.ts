/** What the list asks for before its page's code is there. */
import type { QueryClient } from '@tanstack/react-query'
import { call, callOptions } from '@/shared/call'
import { fetchPictures } from '@/shared/pictures'
import { type DeviceSearch, deviceArguments } from './device_search'
import { isWhole } from './devices'

/** As many rows as a large screen shows. */
const FIRST = 30
/** As many of their pictures as most screens show. */
const IN_SIGHT = 15

/**
 * Asks for the devices that fit, and then for the pictures that are seen first. Whoever enters the page sees the first of many
 * devices at once; the others are asked for when nothing that is seen waits for the database any more.
 */
export async function askAhead(
  client: QueryClient,
  search: DeviceSearch,
  isEntering: boolean,
): Promise<void> {
  const args = deviceArguments(search)
  const all = callOptions('console_devices', args)
  // Who has asked goes on by themselves.
  if (client.isFetching({ queryKey: all.queryKey, exact: true }) > 0) return
  const list = () => client.getQueryData(all.queryKey)
  const first = { ...all, queryFn: () => call('console_devices', { ...args, p_limit: FIRST }) }
  await client.prefetchQuery(isEntering && !list() ? first : all)
  await fetchPictures(
    client,
    (list()?.devices ?? []).slice(0, IN_SIGHT).map((device) => device.thumbnail_path),
  )
  const known = list()
  if (known && !isWhole(known)) await client.prefetchQuery({ ...all, staleTime: 0 })
}
