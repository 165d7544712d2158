/**
 * The devices, of which only those on the screen are drawn: rows on a wide screen, cards on a phone. There is room for all that
 * are told, so that nothing moves when those come that are behind the first screen.
 */
import { Checkbox } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useDeferredValue, useLayoutEffect, useRef, useState } from 'react'
import type { DayCounts } from '@/shared/device_state'
import { useText } from '@/shared/messages/define'
import { devicesText } from '@/shared/messages/devices'
import { DeviceRow } from './device_row'
import { type DeviceList, lengthOf } from './devices'
import css from './devices.module.css'

const ROW_PX = 76
const CARD_PX = 136
/** Rows around those in sight, which are drawn once those are. */
const AROUND = 6
const NO_DAYS: readonly DayCounts[] = []

interface DeviceRowsProps {
  readonly list: DeviceList
  readonly selected: ReadonlySet<string>
  /** Undefined for those who may change nothing. */
  readonly toggle: ((device: string) => void) | undefined
  readonly selectAll: (on: boolean) => void
}

export function DeviceRows({ list, selected, toggle, selectAll }: DeviceRowsProps) {
  const { devices, days, sites } = list
  const count = lengthOf(list)
  const text = useText(devicesText)
  const narrow = useMediaQuery('(max-width: 62rem)', false, { getInitialValueInEffect: false })
  const body = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState<number>()
  // Where the list begins on the page: the rows are placed from there, so none is drawn before.
  useLayoutEffect(() => setTop(body.current?.offsetTop ?? 0), [])
  const rows = useWindowVirtualizer({
    count,
    estimateSize: () => (narrow ? CARD_PX : ROW_PX),
    overscan: useDeferredValue(AROUND, 0),
    scrollMargin: top ?? 0,
    getItemKey: (place) => devices[place]?.device_id ?? place,
  })
  const names = new Map(sites.map((site) => [site.site_id, site.name]))
  const chosen = devices.filter((device) => selected.has(device.device_id)).length
  return (
    <div role="table" aria-label={text.title} aria-rowcount={count + 1} className={css.table}>
      <div role="row" className={css.head} aria-rowindex={1} data-selectable={toggle !== undefined}>
        {toggle && (
          <span role="columnheader">
            <Checkbox
              aria-label={text.selectAll}
              checked={chosen > 0 && chosen === count}
              indeterminate={chosen > 0 && chosen < count}
              onChange={(event) => selectAll(event.currentTarget.checked)}
            />
          </span>
        )}
        {[text.device, text.states, text.days, text.battery, text.signal, text.lastHeard].map((name) => (
          <span role="columnheader" key={name} className={css.headCell}>
            {name}
          </span>
        ))}
      </div>
      <div role="rowgroup" ref={body} style={{ position: 'relative', height: rows.getTotalSize() }}>
        {(top === undefined ? [] : rows.getVirtualItems()).map(({ index, key, start, size }) => {
          const device = devices[index]
          return (
            device && (
              <DeviceRow
                key={key}
                device={device}
                days={days[device.device_id] ?? NO_DAYS}
                site={device.site_id === null ? undefined : names.get(device.site_id)}
                place={index}
                top={start - (top ?? 0)}
                height={size}
                selected={selected.has(device.device_id)}
                toggle={toggle}
              />
            )
          )
        })}
      </div>
    </div>
  )
}
