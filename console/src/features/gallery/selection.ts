/** Pictures that are chosen, and what is done with them: pinned, or deleted unless that is taken back in time. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useState } from 'react'
import { call } from '@/shared/call'
import type { CallError } from '@/shared/call_error'
import { useQueue } from '@/shared/commands'
import type { Picture } from './buckets'

/** How long a deletion may be taken back; only then the database is asked. */
export const UNDO_MS = 8_000
/** The database takes no more at once. */
const MOST = 1000

export type Chosen = ReadonlyMap<string, Picture>

export interface Selection {
  readonly chosen: Chosen
  /** Whether a click chooses, instead of opening. */
  readonly choosing: boolean
  readonly begin: () => void
  readonly end: () => void
  readonly toggle: (picture: Picture) => void
}

export function useSelection(): Selection {
  const [chosen, setChosen] = useState<Chosen>(new Map())
  const [choosing, setChoosing] = useState(false)
  const toggle = useCallback(
    (picture: Picture) => {
      const next = new Map(chosen)
      if (!next.delete(picture.id) && next.size < MOST) next.set(picture.id, picture)
      setChosen(next)
      setChoosing(next.size > 0)
    },
    [chosen],
  )
  return {
    chosen,
    choosing,
    begin: () => setChoosing(true),
    end: () => {
      setChosen(new Map())
      setChoosing(false)
    },
    toggle,
  }
}

export interface Acts {
  /** Pins these, or no longer if all of them are pinned. */
  readonly pin: (pictures: readonly Picture[]) => void
  readonly remove: (pictures: readonly Picture[]) => void
  /** Asks the devices for these again. */
  readonly ask: (pictures: readonly Picture[]) => void
  readonly undo: () => void
  /** What will be deleted in a moment. */
  readonly going: readonly Picture[]
  readonly error: Error | null
}

export function useActs(): Acts {
  const client = useQueryClient()
  const refresh = () =>
    Promise.all(
      ['console_pictures', 'console_picture'].map((key) => client.invalidateQueries({ queryKey: [key] })),
    )
  const pin = useMutation<unknown, CallError, readonly Picture[]>({
    mutationFn: (pictures) =>
      call('pin_captures', {
        p_captures: pictures.map(({ id }) => id),
        p_pinned: !pictures.every(({ pinned }) => pinned),
      }),
    onSettled: refresh,
  })
  const remove = useMutation<unknown, CallError, readonly Picture[]>({
    mutationFn: (pictures) => call('delete_captures', { p_captures: pictures.map(({ id }) => id) }),
    onSettled: refresh,
  })
  const queue = useQueue()
  const [going, setGoing] = useState<readonly Picture[]>([])
  const { mutate } = remove
  // Whoever leaves the page before has deleted nothing.
  useEffect(() => {
    if (going.length === 0) return
    const later = setTimeout(() => {
      mutate(going)
      setGoing([])
    }, UNDO_MS)
    return () => clearTimeout(later)
  }, [going, mutate])
  return {
    pin: pin.mutate,
    remove: (pictures) => setGoing((before) => [...before, ...pictures].slice(0, MOST)),
    ask: (pictures) =>
      queue.mutate(
        pictures.flatMap(({ device, name }) =>
          name === undefined ? [] : [{ device_id: device, type: 'send_image', image_name: name }],
        ),
      ),
    undo: () => setGoing([]),
    going,
    error: pin.error ?? remove.error ?? queue.error,
  }
}
