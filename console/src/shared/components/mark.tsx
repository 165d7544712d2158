/** A state in a word, with its colour. */
import type { ReactNode } from 'react'
import css from './mark.module.css'

export type Tone = 'good' | 'rest' | 'late' | 'bad' | 'odd'

export function Mark({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={css.mark} data-tone={tone}>
      {children}
    </span>
  )
}
