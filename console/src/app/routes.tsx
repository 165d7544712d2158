/** Every address of the console, and the page that it shows; a page's code is loaded when it is visited. */
import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { readAlertSearch } from '@/features/alerts/alert_search'
import { readDevicePageSearch } from '@/features/device/device_range'
import { askAhead } from '@/features/devices/ahead'
import { readDeviceSearch } from '@/features/devices/device_search'
import { readGallerySearch } from '@/features/gallery/gallery_search'
import { readLogSearch } from '@/features/people/log_search'
import { readReportSearch } from '@/features/report/report_search'
import { readTrendsSearch } from '@/features/trends/trends_search'
import { keepFragment } from '@/shared/fragment'
import { askWho } from '@/shared/me'
import { compact, readText, readUuid } from '@/shared/search'
import { knownSession } from '@/shared/session'
import { NotFoundPage } from './not_found_page'
import { Shell } from './shell'

interface Context {
  readonly client: QueryClient
}

const root = createRootRouteWithContext<Context>()({ notFoundComponent: NotFoundPage })

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search): { next?: string } => {
    const next = readText(search.next) ?? ''
    // Only an address of this page: `//elsewhere` is another host, and browsers read more than that as one.
    const isPath = next.startsWith('/') && URL.canParse(next, location.origin)
    return isPath && new URL(next, location.origin).origin === location.origin ? { next } : {}
  },
  component: lazyRouteComponent(() => import('@/features/account/sign_in_page'), 'SignInPage'),
})

const reset = createRoute({
  getParentRoute: () => root,
  path: '/reset',
  component: lazyRouteComponent(() => import('@/features/account/reset_page'), 'ResetPage'),
})

const join = createRoute({
  getParentRoute: () => root,
  path: '/join',
  component: lazyRouteComponent(() => import('@/features/account/join_page'), 'JoinPage'),
})

/** Everything that needs somebody who has signed in. */
const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  beforeLoad: async ({ context, location }) => {
    // Who one is is asked for first, while the page's code is on its way.
    void askWho(context.client)
    const session = await knownSession()
    if (session.state !== 'signed-out') return
    const path = location.pathname + location.searchStr
    keepFragment(path, location.hash)
    throw redirect({ to: '/sign-in', search: path === '/' ? {} : { next: path } })
  },
  component: Shell,
})

const overview = createRoute({
  getParentRoute: () => shell,
  path: '/',
  component: lazyRouteComponent(() => import('@/features/overview/overview_page'), 'OverviewPage'),
})

const devices = createRoute({
  getParentRoute: () => shell,
  path: '/devices',
  validateSearch: readDeviceSearch,
  // Before the page's code, and who one is, which come while the database makes the list.
  beforeLoad: ({ context, search, cause }) => {
    if (cause !== 'stay') void askAhead(context.client, search)
  },
  component: lazyRouteComponent(() => import('@/features/devices/devices_page'), 'DevicesPage'),
})

/** What was typed or answered on the page of one device is nothing to the page of another. */
function ofDevice({ params }: { readonly params: { readonly deviceId: string } }) {
  return params
}

const device = createRoute({
  getParentRoute: () => shell,
  path: '/devices/$deviceId',
  remountDeps: ofDevice,
  validateSearch: readDevicePageSearch,
  component: lazyRouteComponent(() => import('@/features/device/device_page'), 'DevicePage'),
})

const deviceSettings = createRoute({
  getParentRoute: () => shell,
  path: '/devices/$deviceId/settings',
  remountDeps: ofDevice,
  component: lazyRouteComponent(() => import('@/features/device/settings_page'), 'SettingsPage'),
})

const alerts = createRoute({
  getParentRoute: () => shell,
  path: '/alerts',
  validateSearch: readAlertSearch,
  component: lazyRouteComponent(() => import('@/features/alerts/alerts_page'), 'AlertsPage'),
})

const alertRules = createRoute({
  getParentRoute: () => shell,
  path: '/alerts/rules',
  component: lazyRouteComponent(() => import('@/features/alerts/rules_page'), 'RulesPage'),
})

const alertChannels = createRoute({
  getParentRoute: () => shell,
  path: '/alerts/channels',
  // The channel whose deliveries are shown.
  validateSearch: (search): { deliveries?: string } => compact({ deliveries: readUuid(search.deliveries) }),
  component: lazyRouteComponent(() => import('@/features/alerts/channels_page'), 'ChannelsPage'),
})

const alertMaintenance = createRoute({
  getParentRoute: () => shell,
  path: '/alerts/maintenance',
  component: lazyRouteComponent(() => import('@/features/alerts/maintenance_page'), 'MaintenancePage'),
})

const keeping = createRoute({
  getParentRoute: () => shell,
  path: '/keeping',
  component: lazyRouteComponent(() => import('@/features/keeping/keeping_page'), 'KeepingPage'),
})

const pins = createRoute({
  getParentRoute: () => shell,
  path: '/keeping/pins',
  component: lazyRouteComponent(() => import('@/features/keeping/pins_page'), 'PinsPage'),
})

const timelapses = createRoute({
  getParentRoute: () => shell,
  path: '/keeping/timelapses',
  component: lazyRouteComponent(() => import('@/features/keeping/timelapses_page'), 'TimelapsesPage'),
})

const people = createRoute({
  getParentRoute: () => shell,
  path: '/people',
  component: lazyRouteComponent(() => import('@/features/people/people_page'), 'PeoplePage'),
})

const sites = createRoute({
  getParentRoute: () => shell,
  path: '/people/sites',
  component: lazyRouteComponent(() => import('@/features/people/sites_page'), 'SitesPage'),
})

const claiming = createRoute({
  getParentRoute: () => shell,
  path: '/people/devices',
  component: lazyRouteComponent(() => import('@/features/people/claim_page'), 'ClaimPage'),
})

const changes = createRoute({
  getParentRoute: () => shell,
  path: '/people/log',
  validateSearch: readLogSearch,
  component: lazyRouteComponent(() => import('@/features/people/log_page'), 'LogPage'),
})

const gallery = createRoute({
  getParentRoute: () => shell,
  path: '/gallery',
  validateSearch: readGallerySearch,
  component: lazyRouteComponent(() => import('@/features/gallery/gallery_page'), 'GalleryPage'),
})

const trends = createRoute({
  getParentRoute: () => shell,
  path: '/trends',
  validateSearch: readTrendsSearch,
  component: lazyRouteComponent(() => import('@/features/trends/trends_page'), 'TrendsPage'),
})

const report = createRoute({
  getParentRoute: () => shell,
  path: '/report',
  validateSearch: readReportSearch,
  component: lazyRouteComponent(() => import('@/features/report/report_page'), 'ReportPage'),
})

export const routeTree = root.addChildren([
  signIn,
  reset,
  join,
  shell.addChildren([
    overview,
    devices,
    device,
    deviceSettings,
    gallery,
    trends,
    report,
    alerts,
    alertRules,
    alertChannels,
    alertMaintenance,
    keeping,
    pins,
    timelapses,
    people,
    sites,
    claiming,
    changes,
  ]),
])
