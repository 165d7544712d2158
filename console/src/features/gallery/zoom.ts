/** Zooming and moving of one picture: wheel, pinch, double click, drag, keys. */
import { type PointerEvent, type RefObject, useCallback, useEffect, useRef, useState } from 'react'

export interface View {
  readonly scale: number
  readonly x: number
  readonly y: number
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 }
const MOST = 8

/** Larger or smaller, with the point (from the middle, in pixels) staying where it is; never moved out of the room. */
export function zoomed(
  view: View,
  factor: number,
  point: { x: number; y: number },
  room: DOMRectReadOnly,
): View {
  const scale = Math.min(Math.max(view.scale * factor, 1), MOST)
  const by = scale / view.scale
  return held({ scale, x: point.x - (point.x - view.x) * by, y: point.y - (point.y - view.y) * by }, room)
}

/** What is moved away comes back: the picture's edge stays at the room's edge. */
export function held({ scale, x, y }: View, room: DOMRectReadOnly): View {
  const most = { x: (room.width * (scale - 1)) / 2, y: (room.height * (scale - 1)) / 2 }
  const within = (value: number, limit: number) => Math.min(Math.max(value, -limit), limit)
  return { scale, x: within(x, most.x), y: within(y, most.y) }
}

export interface Zoom {
  readonly view: View
  readonly by: (factor: number) => void
  readonly reset: () => void
  readonly handlers: {
    readonly onPointerDown: (event: PointerEvent) => void
    readonly onPointerMove: (event: PointerEvent) => void
    readonly onPointerUp: (event: PointerEvent) => void
    readonly onPointerCancel: (event: PointerEvent) => void
    readonly onDoubleClick: (event: { clientX: number; clientY: number }) => void
  }
}

/** `stage` is the room of the picture; another `picture` is seen whole at first. */
export function useZoom(stage: RefObject<HTMLElement | null>, picture: string): Zoom {
  const [state, setState] = useState({ picture, view: WHOLE })
  const view = state.picture === picture ? state.view : WHOLE
  const change = useCallback(
    (next: (view: View, room: DOMRectReadOnly) => View) => {
      const room = stage.current?.getBoundingClientRect()
      if (!room) return
      setState((before) => ({ picture, view: next(before.picture === picture ? before.view : WHOLE, room) }))
    },
    [stage, picture],
  )
  const around = useCallback(
    (factor: number, at?: { clientX: number; clientY: number }) =>
      change((before, room) => {
        const point = at
          ? { x: at.clientX - room.left - room.width / 2, y: at.clientY - room.top - room.height / 2 }
          : { x: 0, y: 0 }
        return zoomed(before, factor, point, room)
      }),
    [change],
  )
  // React listens to wheels passively, and the page behind must not scroll.
  useEffect(() => {
    const element = stage.current
    const turn = (event: WheelEvent) => {
      event.preventDefault()
      around(Math.exp(-event.deltaY / 300), event)
    }
    element?.addEventListener('wheel', turn, { passive: false })
    return () => element?.removeEventListener('wheel', turn)
  }, [stage, around])

  const pointers = useRef(new Map<number, { clientX: number; clientY: number }>())
  const release = (event: PointerEvent) => pointers.current.delete(event.pointerId)
  return {
    view,
    by: around,
    reset: () => change(() => WHOLE),
    handlers: {
      onPointerDown: (event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        pointers.current.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY })
      },
      onPointerMove: (event) => {
        const before = pointers.current.get(event.pointerId)
        if (!before) return
        const [other] = [...pointers.current].filter(([id]) => id !== event.pointerId).map(([, at]) => at)
        pointers.current.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY })
        if (!other) {
          change(({ scale, x, y }, room) =>
            held(
              { scale, x: x + event.clientX - before.clientX, y: y + event.clientY - before.clientY },
              room,
            ),
          )
          return
        }
        const apart = (at: { clientX: number; clientY: number }) =>
          Math.hypot(at.clientX - other.clientX, at.clientY - other.clientY)
        around(apart(event) / Math.max(apart(before), 1), {
          clientX: (event.clientX + other.clientX) / 2,
          clientY: (event.clientY + other.clientY) / 2,
        })
      },
      onPointerUp: release,
      onPointerCancel: release,
      onDoubleClick: (event) => (view.scale > 1 ? change(() => WHOLE) : around(3, event)),
    },
  }
}
