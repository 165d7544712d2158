/** What the list asks for before its page's code is there. */
import type { QueryClient } from '@tanstack/react-query'
import { callOptions } from '@/shared/call'
import { askForLinks } from '@/shared/sign'
import { type DeviceSearch, deviceArguments } from './device_search'
import './devices'

/** As many pictures as a large screen shows rows. */
const IN_SIGHT = 15

/** The devices, and then the links of the pictures that are seen first. */
export async function askAhead(client: QueryClient, search: DeviceSearch): Promise<void> {
  const options = callOptions('console_devices', deviceArguments(search))
  await client.prefetchQuery(options)
  const devices = client.getQueryData(options.queryKey)?.devices ?? []
  askForLinks(
    client,
    devices.slice(0, IN_SIGHT).map((device) => device.thumbnail_path),
  )
}
