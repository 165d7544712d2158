/** Something that takes a while, with how far it is; it can be given up. */
import { useCallback, useEffect, useRef, useState } from 'react'

export type Work<Result> = (signal: AbortSignal, onStep: () => void) => Promise<Result>

export interface Job<Result> {
  readonly state: 'idle' | 'working' | 'done' | 'failed'
  readonly steps: number
  readonly result: Result | undefined
  readonly error: unknown
  readonly start: (work: Work<Result>) => void
  readonly cancel: () => void
}

type Told<Result> = Pick<Job<Result>, 'state' | 'steps' | 'result' | 'error'>

export function useJob<Result>(): Job<Result> {
  const idle: Told<Result> = { state: 'idle', steps: 0, result: undefined, error: undefined }
  const [told, tell] = useState(idle)
  const running = useRef<AbortController>(null)
  const start = useCallback((work: Work<Result>) => {
    const mine = new AbortController()
    running.current?.abort()
    running.current = mine
    const { signal } = mine
    const say = (next: (before: Told<Result>) => Told<Result>) => {
      if (!signal.aborted) tell(next)
    }
    say(() => ({ state: 'working', steps: 0, result: undefined, error: undefined }))
    work(signal, () => say((before) => ({ ...before, steps: before.steps + 1 }))).then(
      (result) => say((before) => ({ ...before, state: 'done', result })),
      (error: unknown) => say((before) => ({ ...before, state: 'failed', error })),
    )
  }, [])
  // Whoever leaves has given it up.
  useEffect(() => () => running.current?.abort(), [])
  return {
    ...told,
    start,
    cancel: () => {
      running.current?.abort()
      tell(idle)
    },
  }
}

/** A link to what was made, for as long as it is shown. */
export function useObjectLink(file: Blob | undefined): string | undefined {
  const [link, setLink] = useState<string>()
  useEffect(() => {
    if (!file) return
    const made = URL.createObjectURL(file)
    setLink(made)
    return () => {
      setLink(undefined)
      URL.revokeObjectURL(made)
    }
  }, [file])
  return link
}
