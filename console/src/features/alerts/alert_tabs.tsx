import { Link } from '@tanstack/react-router'
import { EXACT, Tabs } from '@/shared/components/tabs'
import { alertsText } from '@/shared/messages/alerts'
import { useText } from '@/shared/messages/define'

export function AlertTabs() {
  const text = useText(alertsText)
  return (
    <Tabs label={text.title}>
      <Link to="/alerts" activeOptions={EXACT}>
        {text.title}
      </Link>
      <Link to="/alerts/rules" activeOptions={EXACT}>
        {text.rules}
      </Link>
      <Link to="/alerts/channels" activeOptions={EXACT}>
        {text.channels}
      </Link>
      <Link to="/alerts/maintenance" activeOptions={EXACT}>
        {text.maintenance}
      </Link>
    </Tabs>
  )
}
