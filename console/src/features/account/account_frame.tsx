/** The frame of the pages for those who have not signed in. */
import type { ReactNode } from 'react'
import { Brand } from '@/shared/components/brand'
import { LanguageChoice } from '@/shared/components/choices'
import { useTitle } from '@/shared/components/page'
import { accountText } from '@/shared/messages/account'
import { useText } from '@/shared/messages/define'
import css from './account_frame.module.css'

interface AccountFrameProps {
  readonly title: string
  readonly lead?: string
  readonly children: ReactNode
  /** Links to the other ways in. */
  readonly footer?: ReactNode
}

export function AccountFrame({ title, lead, children, footer }: AccountFrameProps) {
  const text = useText(accountText)
  useTitle(title)
  return (
    <div className={css.frame}>
      <header className={css.brand}>
        <Brand />
        <p>{text.tagline}</p>
      </header>
      <main className={css.card}>
        <h1>{title}</h1>
        {lead !== undefined && <p className={css.lead}>{lead}</p>}
        {children}
      </main>
      {footer !== undefined && <nav className={css.footer}>{footer}</nav>}
      <footer className={css.language}>
        <LanguageChoice />
      </footer>
    </div>
  )
}
