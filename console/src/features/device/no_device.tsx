import { Link } from '@tanstack/react-router'
import { Page } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import { IconCamera } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'

export function NoDevice({ deviceId }: { readonly deviceId: string }) {
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
