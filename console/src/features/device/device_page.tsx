/** One device: its pictures, its wakes, what it has measured, and what it is told to do. */
import { getRouteApi } from '@tanstack/react-router'
import { type ReactNode, useEffect } from 'react'
import { useCall } from '@/shared/call'
import { Page } from '@/shared/components/page'
import { Blocks, Loaded } from '@/shared/components/states'
import { useNow } from '@/shared/components/when'
import { CalendarCard } from './calendar_card'
import { ChartsCard } from './charts_card'
import { CommandsCard } from './commands_card'
import type { DeviceNow, History } from './device_answers'
import { DeviceLead } from './device_lead'
import css from './device_page.module.css'
import { ownRange, spanOf } from './device_range'
import { DeviceTabs } from './device_tabs'
import { FactsCard } from './facts_card'
import { KnownDevice } from './known_device'
import { moment } from './moment'
import { PictureCard } from './picture_card'
import { RangeChoice } from './range_choice'
import { ScheduleCard } from './schedule_card'
import { TroublesCard } from './troubles_card'

const route = getRouteApi('/shell/devices/$deviceId')

export function DevicePage() {
  const { deviceId } = route.useParams()
  // What was pointed at was of this device.
  useEffect(() => () => moment.set(null), [])
  return <KnownDevice deviceId={deviceId}>{(answer) => <Seen answer={answer} />}</KnownDevice>
}

function Seen({ answer }: { readonly answer: DeviceNow }) {
  const { device, alerts, latest, commands, schedules } = answer
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const span = spanOf(search, useNow())
  const history = useCall(
    'console_device_history',
    { p_device: device.device_id, p_from: span.from.toISOString(), p_to: span.to.toISOString() },
    { every: 60_000 },
  )
  const zoom = (from: Date, to: Date) => {
    const own = ownRange(from, to)
    if (own) void navigate({ search: own })
  }
  const past = (show: (known: History) => ReactNode, height: string) => (
    <Loaded query={history} loading={<Blocks count={1} height={height} />}>
      {(known) => (known === null ? null : show(known))}
    </Loaded>
  )
  return (
    <Page
      title={device.name ?? device.device_id}
      lead={<DeviceLead device={device} />}
      actions={<RangeChoice search={search} span={span} />}
    >
      <DeviceTabs deviceId={device.device_id} />
      <div className={css.columns}>
        <div className={css.left}>
          <PictureCard device={device} latest={latest} pictures={history.data?.pictures ?? []} />
        </div>
        <div className={css.right}>
          <FactsCard device={device} alerts={alerts} />
          {past(
            (known) => (
              <CalendarCard history={known} />
            ),
            '16rem',
          )}
          {past(
            ({ series }) => (
              <ChartsCard series={series} span={span} zone={device.zone} onZoom={zoom} />
            ),
            '24rem',
          )}
          {past(
            (known) => (
              <TroublesCard device={device} history={known} commands={commands} />
            ),
            '12rem',
          )}
        </div>
      </div>
      <div className={css.pair}>
        <ScheduleCard device={device} schedules={schedules} />
        <CommandsCard device={device} commands={commands} />
      </div>
    </Page>
  )
}
