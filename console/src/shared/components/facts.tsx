/** What is known of something, each with its name. */
import type { ReactNode } from 'react'
import css from './facts.module.css'

interface FactsProps {
  /** The names stand beside what they name, not above it. */
  readonly beside?: boolean
  readonly children: ReactNode
}

export function Facts({ beside = false, children }: FactsProps) {
  return (
    <dl className={css.facts} data-beside={beside}>
      {children}
    </dl>
  )
}

export function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
