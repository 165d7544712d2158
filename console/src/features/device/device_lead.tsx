/** What stands below the title of a device: its state, and what people say of it. */
import { StateBadge, StateSentence } from '@/shared/components/device_state'
import type { Device } from './device_answers'
import css from './device_page.module.css'

export function DeviceLead({ device }: { readonly device: Device }) {
  return (
    <div className={css.lead}>
      <StateBadge state={device.state} />
      <span>
        <StateSentence device={device} />
      </span>
      {[device.site, device.location].filter(Boolean).map((place) => (
        <span key={place}>{place}</span>
      ))}
      {device.tags.map((tag) => (
        <span key={tag} className={css.tag}>
          {tag}
        </span>
      ))}
    </div>
  )
}
