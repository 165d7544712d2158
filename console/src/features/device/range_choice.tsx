/** How much of the past the page shows. */
import { Button, Popover, SegmentedControl } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { TimeField } from '@/shared/components/time_field'
import { localInput } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import { type DevicePageSearch, ownRange, RANGES, type Span, USUAL } from './device_range'
import css from './range_choice.module.css'

const route = getRouteApi('/shell/devices/$deviceId')

interface RangeChoiceProps {
  readonly search: DevicePageSearch
  readonly span: Span
}

export function RangeChoice({ search, span }: RangeChoiceProps) {
  const text = useText(deviceText)
  const navigate = route.useNavigate()
  const isOwn = search.from !== undefined
  return (
    <div className={css.choice}>
      <SegmentedControl
        size="sm"
        aria-label={text.range}
        data={[
          ...RANGES.map((range) => ({ value: range as string, label: text.ranges[range] })),
          ...(isOwn ? [{ value: 'own', label: text.own }] : []),
        ]}
        value={isOwn ? 'own' : (search.range ?? USUAL)}
        onChange={(chosen) => {
          const range = RANGES.find((one) => one === chosen)
          if (range) void navigate({ search: range === USUAL ? {} : { range } })
        }}
      />
      <OwnRange key={`${search.from} ${search.to}`} span={span} />
    </div>
  )
}

function OwnRange({ span }: { readonly span: Span }) {
  const text = useText(deviceText)
  const navigate = route.useNavigate()
  const [open, setOpen] = useState(false)
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const chosen = from && to ? ownRange(new Date(from), new Date(to)) : null

  function show(event: FormEvent) {
    event.preventDefault()
    if (!chosen) return
    setOpen(false)
    void navigate({ search: chosen })
  }

  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" trapFocus withinPortal={false}>
      <Popover.Target>
        <Button
          variant="default"
          onClick={() => {
            setFrom(localInput(span.from))
            setTo(localInput(span.to))
            setOpen(!open)
          }}
        >
          {text.fromTo}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={text.fromTo}>
        <form className={css.own} onSubmit={show}>
          <TimeField type="datetime-local" label={text.from} value={from} onChange={setFrom} />
          <TimeField
            type="datetime-local"
            label={text.to}
            value={to}
            error={from && to && !chosen ? text.badRange : undefined}
            onChange={setTo}
          />
          <Button type="submit" disabled={!chosen}>
            {text.show}
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  )
}
