import { Button } from '@mantine/core'
import { EmptyState } from '@/shared/components/states'
import { IconBug } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { shellText } from '@/shared/messages/shell'

/** Shown in place of a page whose code has failed. */
export function BrokenPage({ error }: { readonly error: unknown }) {
  const text = useText(shellText)
  return (
    <EmptyState
      icon={IconBug}
      title={text.brokenTitle}
      action={<Button onClick={() => window.location.reload()}>{text.reload}</Button>}
    >
      <p>{text.broken}</p>
      <p>
        <code>{error instanceof Error ? error.message : String(error)}</code>
      </p>
    </EmptyState>
  )
}
