/** What the list asks for before its page's code is there. */
import type { QueryClient } from '@tanstack/react-query'
import { callOptions } from '@/shared/call'
import { fetchPictures } from '@/shared/pictures'
import { type DeviceSearch, firstArguments } from './device_search'
import './devices'

/** As many pictures as most screens show. */
const IN_SIGHT = 15

/** Asks for the first devices that fit, and then for the pictures that are seen first. */
export async function askAhead(client: QueryClient, search: DeviceSearch): Promise<void> {
  const first = callOptions('console_devices', firstArguments(search))
  // Who has asked goes on by themselves.
  if (client.isFetching({ queryKey: first.queryKey, exact: true }) > 0) return
  await client.prefetchQuery(first)
  const devices = client.getQueryData(first.queryKey)?.devices ?? []
  await fetchPictures(
    client,
    devices.slice(0, IN_SIGHT).map((device) => device.thumbnail_path),
  )
}
