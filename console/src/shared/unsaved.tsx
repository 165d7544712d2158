/** Asks whoever leaves a page with something typed and not saved. Of a tab that is closed the browser asks. */
import { Button, Stack } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'
import { useEffect } from 'react'
import { loadOverlay, Overlay } from './components/overlay'
import { ToolBar } from './components/tool_bar'
import { commonText } from './messages/common'
import { useText } from './messages/define'
import { isLeaving } from './session'
import { createStore, useStore } from './store'

/** How many forms hold something typed. */
const typed = createStore(0)

export function useIsTyped(): boolean {
  return useStore(typed) > 0
}

/** Stands in each form, and is told whether it holds something typed. */
export function Unsaved({ isTyped }: { readonly isTyped: boolean }) {
  const { status, proceed, reset } = useBlocker({
    // Another range or filter of the same page takes nothing away.
    shouldBlockFn: ({ current, next }) => current.pathname !== next.pathname,
    // Whoever has signed out was asked before, or has left in another tab.
    enableBeforeUnload: () => !isLeaving(),
    disabled: !isTyped,
    withResolver: true,
  })
  useEffect(() => {
    if (!isTyped) return
    // What asks is there before it is needed: by then another version may be in its place.
    void loadOverlay().catch(() => undefined)
    typed.set(typed.get() + 1)
    return () => typed.set(typed.get() - 1)
  }, [isTyped])
  return status === 'blocked' && <LeaveQuestion stay={reset} leave={proceed} />
}

interface LeaveQuestionProps {
  readonly stay: () => void
  readonly leave: () => void
}

export function LeaveQuestion({ stay, leave }: LeaveQuestionProps) {
  const text = useText(commonText)
  return (
    <Overlay title={text.leaveTitle} close={stay}>
      <Stack>
        <p>{text.leaveWords}</p>
        <ToolBar atEnd>
          <Button variant="default" data-autofocus onClick={stay}>
            {text.stay}
          </Button>
          <Button color="red" onClick={leave}>
            {text.leave}
          </Button>
        </ToolBar>
      </Stack>
    </Overlay>
  )
}
