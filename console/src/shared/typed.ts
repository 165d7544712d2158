import { useEffect, useState } from 'react'

const TYPING_MS = 300

/** What is typed into a search, which counts a moment later; what is chosen elsewhere (a link, filters cleared) replaces it. */
export function useTyped(
  value: string,
  onChange: (words: string) => void,
): readonly [typed: string, type: (words: string) => void] {
  const [typed, setTyped] = useState(value)
  const [known, setKnown] = useState(value)
  // What was told, and has not arrived yet.
  const [told, setTold] = useState<readonly string[]>([])
  if (known !== value) {
    const place = told.indexOf(value)
    setKnown(value)
    setTold(place < 0 ? [] : told.slice(place + 1))
    // By the time that what was told arrives, more may be typed.
    if (place < 0) setTyped(value)
  }
  useEffect(() => {
    const words = typed.trim()
    if (words === value) return
    const later = setTimeout(() => {
      setTold((before) => [...before, words])
      onChange(words)
    }, TYPING_MS)
    return () => clearTimeout(later)
  }, [typed, value, onChange])
  return [typed, setTyped]
}
