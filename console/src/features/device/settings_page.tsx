/** What people say of a device, what is known of its connection, and who has changed what about it. */
import { getRouteApi } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useCall } from '@/shared/call'
import { Page } from '@/shared/components/page'
import { Blocks, Loaded } from '@/shared/components/states'
import { useMay } from '@/shared/me'
import { ChangesCard } from './changes_card'
import type { Checks, DeviceNow } from './device_answers'
import { DeviceLead } from './device_lead'
import { DeviceTabs } from './device_tabs'
import { FirmwareCard } from './firmware_card'
import { KnownDevice } from './known_device'
import { LinkCard } from './link_card'
import { SettingsCard } from './settings_card'
import css from './settings_page.module.css'

const route = getRouteApi('/shell/devices/$deviceId/settings')

export function SettingsPage() {
  const { deviceId } = route.useParams()
  return <KnownDevice deviceId={deviceId}>{(answer) => <Settings answer={answer} />}</KnownDevice>
}

function Settings({ answer: { device, sites } }: { readonly answer: DeviceNow }) {
  const isAdmin = useMay('admin')
  const checks = useCall('console_device_checks', { p_device: device.device_id }, { every: 60_000 })
  const known = (show: (found: Checks) => ReactNode) => (
    <Loaded query={checks} loading={<Blocks count={1} height="14rem" />}>
      {(found) => found && show(found)}
    </Loaded>
  )
  return (
    <Page title={device.name ?? device.device_id} lead={<DeviceLead device={device} />}>
      <DeviceTabs deviceId={device.device_id} />
      <div className={css.columns}>
        <div className={css.column}>
          <SettingsCard device={device} sites={sites} />
          {isAdmin && (
            <div className={css.last}>
              {known(({ changes }) => (
                <ChangesCard deviceId={device.device_id} changes={changes} sites={sites} />
              ))}
            </div>
          )}
        </div>
        <div className={css.column}>
          {known(({ link }) => (
            <LinkCard link={link} zone={device.zone} />
          ))}
          {known(({ firmware }) => (
            <FirmwareCard firmware={firmware} zone={device.zone} />
          ))}
        </div>
      </div>
    </Page>
  )
}
