/** A list that is asked for page by page: what has come of it, what stands for it, and a button for older ones. */
import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { ActionError } from './action_error'
import { ErrorState } from './states'

interface Pages<Page> {
  readonly data: { readonly pages: readonly Page[] } | undefined
  readonly error: Error | null
  readonly hasNextPage: boolean
  readonly isFetchingNextPage: boolean
  readonly isFetchNextPageError: boolean
  readonly fetchNextPage: () => unknown
  readonly refetch: () => unknown
}

interface LoadedPagesProps<Page, Item> {
  readonly query: Pages<Page>
  readonly itemsOf: (page: Page) => readonly Item[]
  readonly loading: ReactNode
  readonly empty: ReactNode
  readonly children: (items: readonly Item[], older: ReactNode) => ReactNode
}

export function LoadedPages<Page, Item>(props: LoadedPagesProps<Page, Item>) {
  const { query, itemsOf, loading, empty, children } = props
  const text = useText(commonText)
  if (query.data === undefined) {
    return query.error ? <ErrorState error={query.error} retry={() => void query.refetch()} /> : loading
  }
  const items = query.data.pages.flatMap(itemsOf)
  if (items.length === 0) return empty
  return children(
    items,
    query.hasNextPage && (
      <>
        <ActionError error={query.isFetchNextPageError && query.error} />
        <Button
          mt="md"
          fullWidth
          variant="default"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {text.older}
        </Button>
      </>
    ),
  )
}
