/** What is operated, beside each other: buttons, filters. */
import type { ReactNode } from 'react'
import css from './tool_bar.module.css'

interface ToolBarProps {
  /** At the right, as below a question. */
  readonly atEnd?: boolean
  readonly children: ReactNode
}

export function ToolBar({ atEnd = false, children }: ToolBarProps) {
  return (
    <div className={css.bar} data-at-end={atEnd}>
      {children}
    </div>
  )
}
