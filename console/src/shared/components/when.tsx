/** A time: how long until or since, and exactly when it was on hovering; and the clock that times are told by. */
import { useEffect } from 'react'
import { type Moment, useFormat } from '@/shared/format'
import { createStore, useStore } from '@/shared/store'
import { time } from '@/shared/time'

const TICK_MS = 15_000
const now = createStore(new Date())
let watchers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The present, renewed every quarter of a minute for all that show it. */
export function useNow(): Date {
  useEffect(() => {
    watchers += 1
    if (watchers === 1) {
      // While nobody watched, it stood still.
      now.set(new Date())
      timer = setInterval(() => now.set(new Date()), TICK_MS)
    }
    return () => {
      watchers -= 1
      if (watchers === 0) clearInterval(timer)
    }
  }, [])
  return useStore(now)
}

interface WhenProps {
  readonly at: Moment
  readonly siteZone?: string | null
  /** Exactly when, instead of how long ago. */
  readonly exact?: boolean
}

export function When({ at, siteZone, exact = false }: WhenProps) {
  const format = useFormat()
  const present = useNow()
  const moment = at instanceof Date ? at : time(at)
  if (!moment) return <>–</>
  const exactly = format.moment(moment, siteZone)
  return (
    <time dateTime={moment.toISOString()} title={exactly}>
      {exact ? exactly : format.distance(moment, present)}
    </time>
  )
}
