import { Link } from '@tanstack/react-router'
import { useTitle } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import { IconMapOff } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { shellText } from '@/shared/messages/shell'

export function NotFoundPage() {
  const text = useText(shellText)
  useTitle(text.notFoundTitle)
  return (
    <main>
      <EmptyState icon={IconMapOff} title={text.notFoundTitle} action={<Link to="/">{text.toOverview}</Link>}>
        {text.notFound}
      </EmptyState>
    </main>
  )
}
