import { Link } from '@tanstack/react-router'
import { EXACT, Tabs } from '@/shared/components/tabs'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { peopleText } from '@/shared/messages/people'

export function PeopleTabs() {
  const text = useText(peopleText)
  const isAdmin = useMay('admin')
  return (
    <Tabs label={text.title}>
      <Link to="/people" activeOptions={EXACT}>
        {text.people}
      </Link>
      <Link to="/people/sites" activeOptions={EXACT}>
        {text.sites}
      </Link>
      <Link to="/people/devices" activeOptions={EXACT}>
        {text.claiming}
      </Link>
      {isAdmin && (
        <Link to="/people/log" activeOptions={EXACT}>
          {text.log}
        </Link>
      )}
      <Link to="/alerts/channels">{text.webhooks}</Link>
    </Tabs>
  )
}
