/** A share as a bar; the words beside it say the same. */
import type { Tone } from '@/shared/device_state'
import css from './meter.module.css'

interface MeterProps {
  readonly label: string
  /** Beyond 1 the bar is full. */
  readonly share: number
  readonly tone: Tone
}

export function Meter({ label, share, tone }: MeterProps) {
  const percent = Math.round(Math.min(share, 1) * 100)
  return (
    <div
      className={css.meter}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <span data-tone={tone} style={{ width: `${percent}%` }} />
    </div>
  )
}

/** From where on alerts open by default, and are critical. */
const NEARLY_FULL = 0.8
const FULL = 0.95

/** How a share of the quota is. */
export function toneOfStorage(share: number): Tone {
  if (share > FULL) return 'bad'
  return share > NEARLY_FULL ? 'late' : 'good'
}
