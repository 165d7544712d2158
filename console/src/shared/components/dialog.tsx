/**
 * A question over the page: fields, or what will happen. It closes when what it does has succeeded; what went wrong stands
 * above its button, and nothing that was typed is lost: once there is something, it closes by its buttons alone.
 */
import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { Unsaved } from '@/shared/unsaved'
import { ActionError } from './action_error'
import css from './dialog.module.css'
import { Overlay } from './overlay'
import { ToolBar } from './tool_bar'

interface DialogProps {
  readonly title: string
  /** What the button says. */
  readonly button: string
  /** It takes something away. */
  readonly isGrave?: boolean
  readonly isReady?: boolean
  readonly act: () => Promise<unknown>
  readonly close: () => void
  readonly children: ReactNode
}

export function Dialog({
  title,
  button,
  isGrave = false,
  isReady = true,
  act,
  close,
  children,
}: DialogProps) {
  const common = useText(commonText)
  const [isTyped, setTyped] = useState(false)
  const action = useMutation({ mutationFn: act, onSuccess: close, networkMode: 'always' })
  return (
    <Overlay title={title} isFirm={isTyped} close={close}>
      <Unsaved isTyped={isTyped} />
      <form
        className={css.form}
        onChange={() => setTyped(true)}
        onSubmit={(event) => {
          event.preventDefault()
          action.mutate()
        }}
      >
        {children}
        <ActionError error={action.error} />
        <ToolBar atEnd>
          <Button variant="default" onClick={close}>
            {common.cancel}
          </Button>
          <Button
            type="submit"
            loading={action.isPending}
            disabled={!isReady}
            {...(isGrave ? { color: 'red' } : {})}
          >
            {button}
          </Button>
        </ToolBar>
      </form>
    </Overlay>
  )
}
