import { Link } from '@tanstack/react-router'
import { EXACT, Tabs } from '@/shared/components/tabs'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'

export function KeepingTabs() {
  const text = useText(keepingText)
  return (
    <Tabs label={text.title}>
      <Link to="/keeping" activeOptions={EXACT}>
        {text.title}
      </Link>
      <Link to="/keeping/pins" activeOptions={EXACT}>
        {text.pins}
      </Link>
      <Link to="/keeping/timelapses" activeOptions={EXACT}>
        {text.timelapses}
      </Link>
    </Tabs>
  )
}
