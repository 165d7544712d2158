/** How a device is, as a sign with a word, and as a sentence. */
import { DEVICE_STATES, type DeviceState, STATE_ICONS, STATE_TONES } from '@/shared/device_state'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { deviceStatesText } from '@/shared/messages/device_states'
import { time } from '@/shared/time'
import css from './device_state.module.css'
import { useNow } from './when'

export function StateBadge({ state }: { readonly state: DeviceState }) {
  const text = useText(deviceStatesText)
  const Sign = STATE_ICONS[state]
  return (
    <span className={css.badge} data-tone={STATE_TONES[state]}>
      <Sign size={14} stroke={2} aria-hidden="true" />
      {text.names[state]}
    </span>
  )
}

export interface StateFacts {
  readonly state: DeviceState
  readonly last_seen_at: string | null
  readonly next_wake_at: string | null
  readonly battery: number | null
}

/** What is known of the state: since when, until when, how much. */
export function StateSentence({ device }: { readonly device: StateFacts }) {
  const text = useText(deviceStatesText).told
  const format = useFormat()
  const now = useNow()
  if (device.state === 'lost') return <>{text.lost(format.distance(device.last_seen_at, now))}</>
  if (device.state === 'late') return <>{text.late(format.distance(device.next_wake_at, now))}</>
  if (device.state === 'battery' && device.battery !== null) {
    return <>{text.battery(format.percent(device.battery / 100))}</>
  }
  if (device.state === 'failing') return <>{text.failing()}</>
  if (device.state === 'new') return <>{text.new()}</>
  const wake = time(device.next_wake_at)
  return <>{wake && wake > now ? text.asleep(format.distance(wake, now)) : text.awake()}</>
}

/** Reads a state from an address or from the database, where a newer one may know more. */
export function readState(value: unknown): DeviceState | undefined {
  return DEVICE_STATES.find((state) => state === value)
}
