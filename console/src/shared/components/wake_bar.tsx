/** The last 14 days of a device as a row of blocks: did it wake, did its pictures come? One element, however many days. */
import type { MouseEvent } from 'react'
import type { DayCounts } from '@/shared/device_state'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { deviceStatesText } from '@/shared/messages/device_states'
import css from './wake_bar.module.css'
import { blocks, DAYS, totals } from './wake_days'

export function WakeBar({ days }: { readonly days: readonly DayCounts[] }) {
  const text = useText(deviceStatesText)
  const format = useFormat()
  const { came, expected } = totals(days)

  function tellDay(event: MouseEvent<HTMLElement>) {
    const bar = event.currentTarget.getBoundingClientRect()
    const ago = DAYS - 1 - Math.min(DAYS - 1, Math.floor(((event.clientX - bar.left) / bar.width) * DAYS))
    const counts = days.find(([day]) => day === ago)
    if (!counts) {
      event.currentTarget.title = text.noWakes
      return
    }
    const [, planned, silent, pictured, failed] = counts
    // By the calendar: a day may have 23 hours.
    const noon = new Date()
    noon.setHours(12)
    noon.setDate(noon.getDate() - ago)
    const day = format.date(noon)
    const told =
      planned === null ? text.dayUnplanned(day, pictured) : text.day(day, planned - silent, planned)
    event.currentTarget.title = failed > 0 ? told + text.dayFailed(failed) : told
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the day under the pointer is an extra; the label says it all.
    <span className={css.frame} onMouseMove={tellDay}>
      <span
        role="img"
        className={css.bar}
        aria-label={expected === 0 ? text.noWakes : text.wakes(came, expected)}
        style={{ backgroundImage: blocks(days) }}
      />
    </span>
  )
}
