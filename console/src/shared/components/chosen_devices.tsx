/** Several devices: those that were chosen, and a search for others. */
import { Button, CloseButton, Popover } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { IconPlus } from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import css from './fields.module.css'

const DevicePicker = lazy(() =>
  import('./device_picker').then(({ DevicePicker: component }) => ({ default: component })),
)

interface ChosenDevicesProps {
  readonly devices: readonly string[]
  readonly nameOf: (device: string) => string
  readonly most: number
  readonly onChange: (devices: readonly string[]) => void
}

export function ChosenDevices({ devices, nameOf, most, onChange }: ChosenDevicesProps) {
  const text = useText(commonText)
  const [open, setOpen] = useState(false)
  return (
    <>
      {devices.map((device) => (
        <span key={device} className={css.chosen}>
          {nameOf(device)}
          <CloseButton
            size="xs"
            aria-label={text.without(nameOf(device))}
            onClick={() => onChange(devices.filter((other) => other !== device))}
          />
        </span>
      ))}
      {devices.length < most && (
        <Popover opened={open} onChange={setOpen} position="bottom-start" trapFocus withinPortal={false}>
          <Popover.Target>
            <Button
              variant="default"
              leftSection={<IconPlus size={16} aria-hidden="true" />}
              onClick={() => setOpen(!open)}
            >
              {text.addDevice}
            </Button>
          </Popover.Target>
          <Popover.Dropdown aria-label={text.addDevice}>
            <div className={css.form}>
              <Suspense>
                <DevicePicker
                  onChange={(device) => {
                    setOpen(false)
                    if (device !== null && !devices.includes(device)) onChange([...devices, device])
                  }}
                />
              </Suspense>
            </div>
          </Popover.Dropdown>
        </Popover>
      )}
    </>
  )
}
