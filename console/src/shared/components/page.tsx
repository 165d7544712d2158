/** The frame of a page: its title, what may be done with all of it, and its content. */
import { type ReactNode, useEffect } from 'react'
import css from './page.module.css'
import { ToolBar } from './tool_bar'

interface PageProps {
  readonly title: string
  /** One line below the title. */
  readonly lead?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Fleet`
  }, [title])
}

export function Page({ title, lead, actions, children }: PageProps) {
  useTitle(title)
  return (
    <div className={css.page}>
      <header className={css.header}>
        <div>
          <h1>{title}</h1>
          {lead !== undefined && <div className={css.lead}>{lead}</div>}
        </div>
        {actions !== undefined && <ToolBar>{actions}</ToolBar>}
      </header>
      {children}
    </div>
  )
}

interface CardProps {
  readonly title?: string
  /** At the right of the title, a link to more of it. */
  readonly aside?: ReactNode
  readonly children: ReactNode
}

export function Card({ title, aside, children }: CardProps) {
  return (
    <section className={css.card} aria-label={title}>
      {title !== undefined && (
        <header className={css.cardHeader}>
          <h2>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  )
}
