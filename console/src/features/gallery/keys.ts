import { useEffect, useRef } from 'react'

/** What a key does, by its name in small letters; a key that is not named does what it does anywhere. */
export type Keys = Readonly<Record<string, () => void>>

const TYPED = 'input, select, textarea, [role="slider"], [contenteditable]'

/** Hears keys wherever the focus is, but where something is typed; and in no dialog but its own. */
export function useKeys(keys: Keys, { inDialog = false }: { readonly inDialog?: boolean } = {}): void {
  const present = useRef(keys)
  useEffect(() => {
    present.current = keys
  })
  useEffect(() => {
    const hear = (event: KeyboardEvent) => {
      const act = present.current[event.key.toLowerCase()]
      const target = event.target instanceof Element ? event.target : null
      if (!act || event.ctrlKey || event.metaKey || event.altKey || target?.closest(TYPED)) return
      // These press what has the focus.
      if ((event.key === ' ' || event.key === 'Enter') && target?.closest('button, a')) return
      if (!inDialog && document.querySelector('dialog[open], [role="dialog"]')) return
      event.preventDefault()
      act()
    }
    window.addEventListener('keydown', hear)
    return () => window.removeEventListener('keydown', hear)
  }, [inDialog])
}
