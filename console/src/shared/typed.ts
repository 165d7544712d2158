import { useEffect, useState } from 'react'

const TYPING_MS = 300

/** What is typed into a search, which counts a moment later; what is chosen elsewhere (a link, filters cleared) replaces it. */
export function useTyped(
  value: string,
  onChange: (words: string) => void,
): readonly [typed: string, type: (words: string) => void] {
  const [typed, setTyped] = useState(value)
  const [known, setKnown] = useState(value)
  if (known !== value) {
    setKnown(value)
    // What was taken over without its spaces stays as it is typed.
    if (typed.trim() !== value) setTyped(value)
  }
  useEffect(() => {
    if (typed.trim() === value) return
    const later = setTimeout(() => onChange(typed.trim()), TYPING_MS)
    return () => clearTimeout(later)
  }, [typed, value, onChange])
  return [typed, setTyped]
}
