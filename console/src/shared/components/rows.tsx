/** A list of things that each have a title, some lines, and what may be done with them. */
import type { ReactNode } from 'react'
import css from './rows.module.css'
import { ToolBar } from './tool_bar'

export function Rows({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <ul className={css.rows} aria-label={label}>
      {children}
    </ul>
  )
}

interface RowProps {
  readonly title: ReactNode
  /** Before the title: a mark. */
  readonly mark?: ReactNode
  readonly children?: ReactNode
  readonly actions?: ReactNode
}

export function Row({ title, mark, children, actions }: RowProps) {
  return (
    <li className={css.row}>
      <div className={css.what}>
        <div className={css.title}>
          {mark}
          <span>{title}</span>
        </div>
        {children !== undefined && <div className={css.lines}>{children}</div>}
      </div>
      {actions !== undefined && <ToolBar>{actions}</ToolBar>}
    </li>
  )
}
