/** The two pages of a device. */
import { Link } from '@tanstack/react-router'
import { EXACT, Tabs } from '@/shared/components/tabs'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'

export function DeviceTabs({ deviceId }: { readonly deviceId: string }) {
  const text = useText(deviceText).tabs
  return (
    <Tabs label={text.of}>
      <Link to="/devices/$deviceId" params={{ deviceId }} activeOptions={EXACT}>
        {text.seen}
      </Link>
      <Link to="/devices/$deviceId/settings" params={{ deviceId }} activeOptions={EXACT}>
        {text.settings}
      </Link>
    </Tabs>
  )
}
