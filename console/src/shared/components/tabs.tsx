/** The pages that belong together, below their title: each is an address of its own. */
import type { ReactNode } from 'react'
import css from './tabs.module.css'

/** A tab is the present one at its own address alone, whatever is filtered there. */
export const EXACT = { exact: true, includeSearch: false } as const

export function Tabs({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <nav className={css.tabs} aria-label={label}>
      {children}
    </nav>
  )
}
