/**
 * Who has signed in.
 *
 * A session that ends by itself is `expired`, not `signed-out`: the page stays as it is, with all that was typed, and asks
 * for the password (see app/sign_in_again.tsx). Whoever signs out leaves the page, which clears all that it knew.
 */
import { forgetDrafts } from './drafts'
import { createStore, useStore } from './store'
import { auth, SESSION_KEY } from './supabase'

export type Session =
  | { readonly state: 'starting' | 'signed-out' }
  | { readonly state: 'signed-in' | 'expired'; readonly userId: string; readonly email: string }

/** Written when somebody signs out, so that the other tabs of the browser leave too. */
const LEFT_KEY = 'fleet-left'

const store = createStore<Session>({ state: 'starting' })

auth.onAuthStateChange((_event, session) => {
  const before = store.get()
  if (session) {
    store.set({ state: 'signed-in', userId: session.user.id, email: session.user.email ?? '' })
  } else if (before.state === 'signed-in' || before.state === 'expired') {
    store.set({ ...before, state: 'expired' })
  } else {
    store.set({ state: 'signed-out' })
  }
})

let hasLeft = false

/** Whoever has signed out is not asked any more whether to leave. */
export function isLeaving(): boolean {
  return hasLeft
}

function leave(): void {
  hasLeft = true
  window.location.assign('/sign-in')
}

window.addEventListener('storage', (event) => {
  if (event.key === LEFT_KEY && event.newValue) leave()
})

export function useSession(): Session {
  return useStore(store)
}

function when(holds: (session: Session) => boolean): Promise<Session> {
  if (holds(store.get())) return Promise.resolve(store.get())
  return new Promise((resolve) => {
    const stop = store.subscribe(() => {
      if (holds(store.get())) {
        stop()
        resolve(store.get())
      }
    })
  })
}

/** Returns the session once it is known whether there is one. */
export function knownSession(): Promise<Session> {
  return when((session) => session.state !== 'starting')
}

/** Returns once somebody has signed in; at once if nobody has to. */
export async function signedIn(): Promise<void> {
  await when((session) => session.state === 'signed-in')
}

/** Renews the session of which the server says that it is none; if that fails, the page asks for the password. */
export async function renewSession(): Promise<void> {
  const { data, error } = await auth.refreshSession()
  const session = store.get()
  if ((error || !data.session) && session.state === 'signed-in') store.set({ ...session, state: 'expired' })
}

/** Ends the session here, or everywhere, and leaves the page. Also without a connection: then this browser forgets it. */
export async function signOut(scope: 'local' | 'global'): Promise<void> {
  await auth.signOut({ scope }).catch(() => undefined)
  await forgetDrafts().catch(() => undefined)
  localStorage.removeItem(SESSION_KEY)
  localStorage.setItem(LEFT_KEY, new Date().toISOString())
  leave()
}
