/** What is known now of the device in an address; of one that is none, that there is none. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useCall } from '@/shared/call'
import { Page } from '@/shared/components/page'
import { Blocks, EmptyState, Loaded } from '@/shared/components/states'
import { IconCamera } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import { readDevice } from '@/shared/search'
import type { DeviceNow } from './device_answers'

interface KnownDeviceProps {
  readonly deviceId: string
  readonly children: (known: DeviceNow) => ReactNode
}

export function KnownDevice({ deviceId, children }: KnownDeviceProps) {
  const isId = readDevice(deviceId) !== undefined
  const now = useCall('console_device', { p_device: deviceId }, { every: 15_000, enabled: isId })
  if (!isId) return <NoDevice deviceId={deviceId} />
  return (
    <Loaded query={now} loading={<Page title={deviceId}>{<Blocks count={3} height="16rem" />}</Page>}>
      {(known) => (known === null ? <NoDevice deviceId={deviceId} /> : children(known))}
    </Loaded>
  )
}

function NoDevice({ deviceId }: { readonly deviceId: string }) {
  const text = useText(deviceText)
  return (
    <Page title={deviceId}>
      <EmptyState
        icon={IconCamera}
        title={text.noDeviceTitle}
        action={<Link to="/devices">{text.toDevices}</Link>}
      >
        {text.noDevice}
      </EmptyState>
    </Page>
  )
}
