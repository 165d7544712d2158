/** What is around every page: where to go, who one is, and whether there is a connection. */

import { onlineManager } from '@tanstack/react-query'
import { Link, Outlet } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useSyncExternalStore } from 'react'
import { Brand } from '@/shared/components/brand'
import { Loaded } from '@/shared/components/states'
import { IconWifiOff } from '@/shared/icons'
import { useMemberships } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { shellText } from '@/shared/messages/shell'
import { useSession } from '@/shared/session'
import { DESTINATIONS } from './navigation'
import { PagePending } from './page_pending'
import css from './shell.module.css'
import { UserMenu } from './user_menu'

const FirstRun = lazy(() =>
  import('@/features/account/first_run').then(({ FirstRun: component }) => ({ default: component })),
)
function loadSignInAgain() {
  return import('./sign_in_again').then(({ SignInAgain: component }) => ({ default: component }))
}
/** By then the page that was opened is there, and nothing of it waits for this. */
const SHOWN_MS = 3_000
const SignInAgain = lazy(loadSignInAgain)

export function Shell() {
  const memberships = useMemberships()
  return (
    <>
      <SessionGuard />
      <Loaded query={memberships} loading={<Frame company="" />}>
        {([first]) =>
          first?.company ? (
            <Frame company={first.company.name} />
          ) : (
            <Suspense>
              <FirstRun />
            </Suspense>
          )
        }
      </Loaded>
    </>
  )
}

function Frame({ company }: { readonly company: string }) {
  const text = useText(shellText)
  return (
    <div className={css.shell}>
      <a href="#content" className={css.skip}>
        {text.skip}
      </a>
      <nav className={css.side} aria-label={text.pages}>
        <div className={css.brand}>
          <Brand />
          <span className={css.company}>{company}</span>
        </div>
        <div className={css.navigation}>
          {DESTINATIONS.map(({ to, name, icon: Icon }) => (
            <Link
              key={to}
              to={to}
              className={css.link}
              activeOptions={{ exact: to === '/', includeSearch: false }}
              activeProps={{ 'aria-current': 'page' }}
            >
              <Icon size={20} stroke={1.7} aria-hidden="true" />
              {text.navigation[name]}
            </Link>
          ))}
        </div>
        <UserMenu />
      </nav>
      <main id="content" className={css.content} tabIndex={-1}>
        <ConnectionNote />
        {company === '' ? <PagePending /> : <Outlet />}
      </main>
    </div>
  )
}

function ConnectionNote() {
  const text = useText(shellText)
  const online = useSyncExternalStore(
    (changed) => onlineManager.subscribe(changed),
    () => onlineManager.isOnline(),
  )
  if (online) return null
  return (
    <p className={css.offline} role="status">
      <IconWifiOff size={18} aria-hidden="true" />
      {text.offline}
    </p>
  )
}

/** Asks for the password over the page when the session has ended by itself. */
function SessionGuard() {
  const session = useSession()
  // By the time that a session ends another version may be in place, without the files of this one.
  useEffect(() => {
    const later = setTimeout(() => void loadSignInAgain().catch(() => undefined), SHOWN_MS)
    return () => clearTimeout(later)
  }, [])
  if (session.state !== 'expired') return null
  return (
    <Suspense>
      <SignInAgain email={session.email} />
    </Suspense>
  )
}
