/** A state in a word, with its colour. */
import type { ReactNode } from 'react'
import type { Tone } from '@/shared/device_state'
import css from './mark.module.css'

export function Mark({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={css.mark} data-tone={tone}>
      {children}
    </span>
  )
}
