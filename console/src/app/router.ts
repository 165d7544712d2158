import { QueryClient } from '@tanstack/react-query'
import { createRouter } from '@tanstack/react-router'
import { CallError } from '@/shared/call_error'
import { BrokenPage } from './broken_page'
import { PagePending } from './page_pending'
import { routeTree } from './routes'

const FINAL: readonly string[] = ['refused', 'missing', 'invalid']

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the database has refused it will refuse again.
      retry: (count, error) => count < 3 && !(error instanceof CallError && FINAL.includes(error.kind)),
      retryDelay: (attempt) => Math.min(1000 * 2 ** attempt, 15_000),
    },
  },
})

export const router = createRouter({
  routeTree,
  context: { client: queryClient },
  // Only what a page has read reaches it: unknown values are dropped.
  search: { strict: true },
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultErrorComponent: BrokenPage,
  defaultPendingComponent: PagePending,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
