/** What a page shows while it waits, when there is nothing, and when something went wrong. */
import { Button, Skeleton } from '@mantine/core'
import type { IconProps } from '@tabler/icons-react'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ComponentType, ReactNode } from 'react'
import { CallError } from '@/shared/call_error'
import { IconCloudOff, IconRefresh } from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import css from './states.module.css'

export type Icon = ComponentType<IconProps>

interface EmptyStateProps {
  readonly icon: Icon
  readonly title: string
  /** What to do next. */
  readonly children: ReactNode
  readonly action?: ReactNode
}

export function EmptyState({ icon: Sign, title, children, action }: EmptyStateProps) {
  return (
    <div className={css.state}>
      <span className={css.sign} aria-hidden="true">
        <Sign size={26} stroke={1.6} />
      </span>
      <h2>{title}</h2>
      <div className={css.words}>{children}</div>
      {action}
    </div>
  )
}

/** What happened, in the viewer's words, followed by the database's where it says more. */
export function useErrorWords(): (error: unknown) => string {
  const text = useText(commonText)
  return (error) => {
    if (!(error instanceof CallError)) return `${text.errors.unknown} ${String(error)}`
    const words = text.errors[error.kind]
    return words.endsWith(':') ? `${words} ${error.message}` : words
  }
}

export function ErrorState({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const text = useText(commonText)
  const words = useErrorWords()
  return (
    <div className={css.state} role="alert">
      <span className={css.sign} data-tone="bad" aria-hidden="true">
        <IconCloudOff size={26} stroke={1.6} />
      </span>
      <h2>{text.failedTitle}</h2>
      <p className={css.words}>{words(error)}</p>
      {retry && (
        <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden="true" />} onClick={retry}>
          {text.retry}
        </Button>
      )}
    </div>
  )
}

/** Grey blocks of the size of what comes, so that nothing jumps. */
export function Blocks({ count, height }: { readonly count: number; readonly height: number | string }) {
  const text = useText(commonText)
  return (
    <div className={css.blocks} role="status" aria-label={text.loading}>
      {Array.from({ length: count }, (_, place) => place).map((place) => (
        <Skeleton key={place} height={height} radius="md" />
      ))}
    </div>
  )
}

interface LoadedProps<Data> {
  readonly query: UseQueryResult<Data, Error>
  /** What is shown until the first answer; of the size of what comes. */
  readonly loading: ReactNode
  readonly children: (data: Data) => ReactNode
}

/** The answer of a query, or what stands for it. An answer that is there stays when asking again fails. */
export function Loaded<Data>({ query, loading, children }: LoadedProps<Data>) {
  if (query.data !== undefined) return children(query.data)
  if (query.isError) return <ErrorState error={query.error} retry={() => void query.refetch()} />
  return loading
}
