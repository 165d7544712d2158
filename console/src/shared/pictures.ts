/** Pictures that are fetched before they are drawn. */
import type { QueryClient } from '@tanstack/react-query'
import { linkQuery } from './sign'

function fetchPicture(link: string): Promise<unknown> {
  return new Promise((done) => {
    const image = new Image()
    image.onload = done
    image.onerror = done
    image.fetchPriority = 'high'
    image.src = link
  })
}

/** Fetches pictures that will be shown, and returns when all have come that do. */
export async function fetchPictures(client: QueryClient, paths: readonly (string | null)[]): Promise<void> {
  await Promise.all(
    paths.map(async (path) => {
      const link = await client.fetchQuery(linkQuery(path)).catch(() => null)
      if (link) await fetchPicture(link)
    }),
  )
}
