/** When the device wakes. */
import { Button } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { Card } from '@/shared/components/page'
import { Blocks } from '@/shared/components/states'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import type { Device, DeviceNow } from './device_answers'
import { modeOf } from './schedule'
import css from './schedule_card.module.css'
import { ScheduleWords } from './schedule_words'

const ScheduleEditor = lazy(() =>
  import('./schedule_editor').then(({ ScheduleEditor: component }) => ({ default: component })),
)

interface ScheduleCardProps {
  readonly device: Device
  readonly schedules: DeviceNow['schedules']
}

export function ScheduleCard({ device, schedules }: ScheduleCardProps) {
  const text = useText(deviceText).schedule
  const may = useMay('operator')
  const [editing, setEditing] = useState(false)
  const above = [schedules.company, schedules.service].find((one) => modeOf(one) !== 'above') ?? null
  const own = modeOf(schedules.device) !== 'above'
  return (
    <Card
      title={text.title}
      aside={
        may &&
        !editing && (
          <Button variant="default" onClick={() => setEditing(true)}>
            {text.change}
          </Button>
        )
      }
    >
      <p>
        <ScheduleWords schedule={own ? schedules.device : above} />{' '}
        <span className={css.scope}>
          {own ? text.clockOf(device.zone) : above ? text.ofAbove(device.zone) : ''}
        </span>
      </p>
      {editing && (
        <Suspense fallback={<Blocks count={1} height="16rem" />}>
          <ScheduleEditor
            device={device}
            before={schedules.device}
            above={above}
            onClose={() => setEditing(false)}
          />
        </Suspense>
      )}
    </Card>
  )
}
