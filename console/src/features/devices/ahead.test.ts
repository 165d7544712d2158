import { QueryClient } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

const FLEET = 40
/** What was asked of the server, and the pictures that were fetched, in that order. */
let asked: string[] = []
/** Pictures that have not come yet. */
let coming: HTMLImageElement[] = []

function picturesCome() {
  for (const image of coming.splice(0)) image.dispatchEvent(new Event('load'))
}

async function answer(url: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const body = JSON.parse(String(init?.body ?? '{}'))
  if (String(url).includes('/sign/')) {
    asked.push(`${body.paths.length} links`)
    return Response.json(body.paths.map((path: string) => ({ path, signedURL: `/${path}` })))
  }
  asked.push(`${body.p_limit ?? 'all'} devices${body.p_tag ? ` of ${body.p_tag}` : ''}`)
  const ids = Array.from({ length: FLEET }, (_, place) => `D${place}`)
  const devices = ids.map((id) => ({ device_id: id, thumbnail_path: `${id}.jpg` }))
  return Response.json({ devices: devices.slice(0, body.p_limit ?? FLEET), matching: FLEET, total: FLEET })
}

class ComingImage extends Image {
  override set src(_link: string) {
    asked.push('a picture')
    coming.push(this)
  }
}

beforeEach(() => {
  asked = []
  coming = []
  const expires = Math.floor(Date.now() / 1000) + 3600
  const session = { access_token: 'a.b.c', refresh_token: 'r', token_type: 'bearer', expires_in: 3600 }
  localStorage.setItem(
    'fleet-session',
    JSON.stringify({ ...session, expires_at: expires, user: { id: 'someone', email: 'someone@fleet.test' } }),
  )
  vi.stubGlobal('fetch', answer)
  vi.stubGlobal('Image', ComingImage)
})
afterEach(() => {
  vi.unstubAllGlobals()
  localStorage.clear()
})

async function page() {
  const { askAhead } = await import('./ahead')
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: 10_000 } } })
  const listed = () =>
    client
      .getQueriesData<{ devices: unknown[] }>({ queryKey: ['console_devices'] })
      .map(([, list]) => list?.devices.length)
  return { client, askAhead, listed }
}

it('asks for the first devices, and then for the pictures of those in sight', async () => {
  const { client, askAhead, listed } = await page()
  const asking = askAhead(client, {})
  await vi.waitFor(() => expect(coming).toHaveLength(15))
  expect(asked).toEqual(['30 devices', '15 links', ...Array(15).fill('a picture')])
  expect(listed()).toEqual([30])
  picturesCome()
  await asking
  expect(asked).toHaveLength(17)
})

it('asks by what stands in the address, and once however often it is called', async () => {
  const { client, askAhead } = await page()
  const asking = [askAhead(client, { tag: 'row 1' }), askAhead(client, { tag: 'row 1' })]
  await vi.waitFor(() => expect(coming).toHaveLength(15))
  picturesCome()
  await Promise.all(asking)
  expect(asked.filter((words) => words.includes('devices'))).toEqual(['30 devices of row 1'])
})

it('ends when a picture does not come', async () => {
  const { client, askAhead, listed } = await page()
  const asking = askAhead(client, {})
  await vi.waitFor(() => expect(coming).toHaveLength(15))
  for (const image of coming.splice(0)) image.dispatchEvent(new Event('error'))
  await asking
  expect(listed()).toEqual([30])
})
