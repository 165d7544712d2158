/** How a device is, as public.device_states says it; the worst first. */
import type { Icon } from './components/states'
import {
  IconAlertTriangle,
  IconAntennaBarsOff,
  IconBattery1,
  IconClockExclamation,
  IconMoon,
  IconSparkles,
} from './icons'

export const DEVICE_STATES = ['lost', 'failing', 'late', 'battery', 'new', 'asleep'] as const
export type DeviceState = (typeof DEVICE_STATES)[number]

/** A colour of tokens.css. It never stands alone: a sign and a word say the same. */
export type Tone = 'good' | 'rest' | 'late' | 'bad' | 'odd'

export const STATE_TONES: Readonly<Record<DeviceState, Tone>> = {
  lost: 'bad',
  failing: 'bad',
  late: 'late',
  battery: 'late',
  new: 'odd',
  asleep: 'good',
}

export const STATE_ICONS: Readonly<Record<DeviceState, Icon>> = {
  lost: IconAntennaBarsOff,
  failing: IconAlertTriangle,
  late: IconClockExclamation,
  battery: IconBattery1,
  new: IconSparkles,
  asleep: IconMoon,
}

/** One of the last days of a device: how many days ago, and how many wakes were expected, stayed silent, came, failed. */
export type DayCounts = readonly [
  ago: number,
  expected: number | null,
  silent: number,
  came: number,
  failed: number,
]
