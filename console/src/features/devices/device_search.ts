/** What stands in the address of the list: which devices, in which order. */
import type { Arguments } from '@/shared/call'
import { DEVICE_STATES, type DeviceState } from '@/shared/device_state'
import { compact, readChoice, readText, readUuid } from '@/shared/search'

export const SORTS = ['state', 'name', 'seen', 'battery'] as const
export type Sort = (typeof SORTS)[number]

export interface DeviceSearch {
  readonly search?: string
  readonly site?: string
  readonly tag?: string
  readonly state?: DeviceState
  readonly sort?: Sort
}

export function readDeviceSearch(search: Record<string, unknown>): DeviceSearch {
  return compact({
    search: readText(search.search),
    site: readUuid(search.site),
    tag: readText(search.tag),
    state: readChoice(search.state, DEVICE_STATES),
    sort: readChoice(search.sort, SORTS),
  })
}

/** As many devices as a large screen shows rows. */
const FIRST = 30

/** What the list is asked for until somebody looks further than the first screen. */
export function firstArguments(search: DeviceSearch): Arguments<'console_devices'> {
  return { ...deviceArguments(search), p_limit: FIRST }
}

/** What the whole list is asked for. */
export function deviceArguments(search: DeviceSearch): Arguments<'console_devices'> {
  return {
    p_search: search.search ?? null,
    p_site: search.site ?? null,
    p_tag: search.tag ?? null,
    p_state: search.state ?? null,
    p_sort: search.sort ?? 'state',
  }
}
