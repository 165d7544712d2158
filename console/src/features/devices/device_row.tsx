import { Checkbox } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import { StateBadge, StateSentence } from '@/shared/components/device_state'
import { Picture } from '@/shared/components/picture'
import { WakeBar } from '@/shared/components/wake_bar'
import { When } from '@/shared/components/when'
import type { DayCounts } from '@/shared/device_state'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { devicesText } from '@/shared/messages/devices'
import { type Signal, signalOf } from '@/shared/signal'
import type { ListedDevice } from './devices'
import css from './devices.module.css'

const LOW_BATTERY = 20
const BARS: Readonly<Record<Signal, number>> = { strong: 3, fair: 2, weak: 1, poor: 0 }

interface DeviceRowProps {
  readonly device: ListedDevice
  readonly days: readonly DayCounts[]
  readonly site: string | undefined
  readonly place: number
  readonly top: number
  readonly height: number
  readonly selected: boolean
  readonly toggle: ((device: string) => void) | undefined
}

export const DeviceRow = memo(function DeviceRow(props: DeviceRowProps) {
  const { device, days, site, place, top, height, selected, toggle } = props
  const text = useText(devicesText)
  const format = useFormat()
  const name = device.name ?? device.device_id
  const where = [site, device.location].filter(Boolean).join(' · ')
  const bars = device.rssi === null ? 0 : BARS[signalOf(device.rssi)]
  return (
    <div
      role="row"
      aria-rowindex={place + 2}
      className={css.row}
      data-selectable={toggle !== undefined}
      data-selected={selected}
      style={{ height, transform: `translateY(${top}px)` }}
    >
      {toggle && (
        <Cell name={css.check}>
          <Checkbox
            aria-label={text.select(name)}
            checked={selected}
            onChange={() => toggle(device.device_id)}
          />
        </Cell>
      )}
      <Cell name={css.device}>
        <span className={css.thumbnail}>
          <Picture path={device.thumbnail_path} alt="" eager />
        </span>
        <span className={css.names}>
          <Link to="/devices/$deviceId" params={{ deviceId: device.device_id }} className={css.name}>
            {name}
          </Link>
          <span className={css.where}>{where || device.device_id}</span>
          {device.tags.length > 0 && <span className={css.tags}>{device.tags.join(' · ')}</span>}
        </span>
      </Cell>
      <Cell name={css.state}>
        <StateBadge state={device.state} />
        <span className={css.sentence}>
          <StateSentence device={device} />
        </span>
      </Cell>
      <Cell name={css.wakes}>
        <WakeBar days={days} />
      </Cell>
      <Cell name={css.battery}>
        {device.battery === null ? (
          '–'
        ) : (
          <span className={css.level} data-low={device.battery < LOW_BATTERY}>
            {format.percent(device.battery / 100)}
          </span>
        )}
      </Cell>
      <Cell name={css.signal}>
        {device.rssi === null ? (
          '–'
        ) : (
          <span
            className={css.bars}
            role="img"
            aria-label={text.signalAt(device.rssi)}
            title={text.signalAt(device.rssi)}
          >
            {[1, 2, 3].map((bar) => (
              <i key={bar} data-on={bar <= bars} />
            ))}
          </span>
        )}
      </Cell>
      <Cell name={css.heard}>
        <When at={device.last_seen_at} siteZone={device.timezone} />
      </Cell>
    </div>
  )
})

function Cell({ name, children }: { readonly name: string | undefined; readonly children: React.ReactNode }) {
  return (
    <div role="cell" className={name}>
      {children}
    </div>
  )
}
