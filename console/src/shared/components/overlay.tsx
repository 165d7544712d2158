/** What opens over the page; the code for that is loaded when it is first needed. */
import { lazy, type ReactNode, Suspense } from 'react'

export interface OverlayProps {
  readonly title: string
  readonly size?: 'md' | 'lg'
  /** It closes by its buttons alone. */
  readonly isFirm?: boolean
  readonly close: () => void
  readonly children: ReactNode
}

export function loadOverlay() {
  return import('./overlay_modal').then(({ OverlayModal: component }) => ({ default: component }))
}

const OverlayModal = lazy(loadOverlay)

export function Overlay(props: OverlayProps) {
  return (
    <Suspense>
      <OverlayModal {...props} />
    </Suspense>
  )
}
