import { Link } from '@tanstack/react-router'
import { EmptyState } from '@/shared/components/states'
import { IconMapOff } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { shellText } from '@/shared/messages/shell'

export function NotFoundPage() {
  const text = useText(shellText)
  return (
    <main>
      <EmptyState icon={IconMapOff} title={text.notFoundTitle} action={<Link to="/">{text.toOverview}</Link>}>
        {text.notFound}
      </EmptyState>
    </main>
  )
}
