/** The pages that the sidebar and the phone's bar lead to, in their order. */

import type { Icon } from '@/shared/components/states'
import {
  IconBell,
  IconCamera,
  IconChartLine,
  IconDatabase,
  IconFileText,
  IconLayoutDashboard,
  IconPhoto,
  IconUsers,
} from '@/shared/icons'

export interface Destination {
  readonly to: '/' | '/devices' | '/gallery' | '/trends' | '/report' | '/alerts' | '/keeping' | '/people'
  readonly name: 'overview' | 'devices' | 'gallery' | 'trends' | 'report' | 'alerts' | 'keeping' | 'people'
  readonly icon: Icon
}

export const DESTINATIONS: readonly Destination[] = [
  { to: '/', name: 'overview', icon: IconLayoutDashboard },
  { to: '/devices', name: 'devices', icon: IconCamera },
  { to: '/gallery', name: 'gallery', icon: IconPhoto },
  { to: '/trends', name: 'trends', icon: IconChartLine },
  { to: '/report', name: 'report', icon: IconFileText },
  { to: '/alerts', name: 'alerts', icon: IconBell },
  { to: '/keeping', name: 'keeping', icon: IconDatabase },
  { to: '/people', name: 'people', icon: IconUsers },
]
