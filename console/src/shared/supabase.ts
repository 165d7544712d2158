/**
 * The only clients of Supabase: the parts of supabase-js that the console uses, put together as its own client does it.
 * The others, 30 kB of them, would be loaded by everybody; of Storage the console needs one call alone (see sign.ts).
 */
import { AuthClient } from '@supabase/auth-js'
import { PostgrestClient } from '@supabase/postgrest-js'
import { config } from './config'
import type { Database } from './database'

/** What is kept of a session is in localStorage under this name, and goes when somebody signs out. */
export const SESSION_KEY = 'fleet-session'
const TIMEOUT_MS = 20_000

function patientFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const signal = init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout
  return fetch(input, { ...init, signal })
}

export const auth = new AuthClient({
  url: `${config.url}/auth/v1`,
  headers: { apikey: config.key },
  storageKey: SESSION_KEY,
  flowType: 'pkce',
  fetch: patientFetch,
})

/** As the signed-in user, with a token that is renewed before it is too old. */
export async function fetchAsUser(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const { data } = await auth.getSession()
  const headers = new Headers(init?.headers)
  headers.set('apikey', config.key)
  if (data.session) headers.set('authorization', `Bearer ${data.session.access_token}`)
  return patientFetch(input, { ...init, headers })
}

export const database = new PostgrestClient<Database>(`${config.url}/rest/v1`, { fetch: fetchAsUser })
