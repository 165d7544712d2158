/** What console_devices() answers. */
import type { Site } from '@/shared/components/scope'
import type { DayCounts, DeviceState } from '@/shared/device_state'

export interface ListedDevice {
  readonly device_id: string
  readonly name: string | null
  readonly location: string | null
  readonly site_id: string | null
  readonly tags: readonly string[]
  readonly state: DeviceState
  readonly last_seen_at: string | null
  readonly next_wake_at: string | null
  readonly timezone: string | null
  readonly battery: number | null
  readonly rssi: number | null
  readonly thumbnail_path: string | null
  readonly pictured_at: string | null
}

export interface DeviceList {
  /** The first of those that match. */
  readonly devices: readonly ListedDevice[]
  /** By the devices' ids; of one that has nothing to tell there is nothing. */
  readonly days: Readonly<Record<string, readonly DayCounts[]>>
  readonly matching: number
  readonly total: number
  readonly states: Readonly<Partial<Record<DeviceState, number>>>
  readonly sites: readonly Site[]
  readonly tags: readonly string[]
}

/** No more are told, however many fit. */
export const MOST = 1000

/** How many devices the whole list has. */
export function lengthOf(list: DeviceList): number {
  return Math.min(list.matching, MOST)
}

/** Whether all devices are there that are told, and not only those of the first screen. */
export function isWhole(list: DeviceList): boolean {
  return list.devices.length >= lengthOf(list)
}

declare module '@/shared/call' {
  interface Answers {
    console_devices: DeviceList
  }
}
