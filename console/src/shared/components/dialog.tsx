/**
 * A question over the page: fields, or what will happen. It closes when what it does has succeeded; what went wrong stands
 * above its button, and nothing that was typed is lost.
 */
import { Alert, Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import css from './dialog.module.css'
import { Overlay } from './overlay'
import { useErrorWords } from './states'

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
  const action = useMutation({ mutationFn: act, onSuccess: close, networkMode: 'always' })
  return (
    <Overlay title={title} close={close}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault()
          action.mutate()
        }}
      >
        {children}
        <ActionError error={action.error} />
        <div className={css.buttons}>
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
        </div>
      </form>
    </Overlay>
  )
}

/** What went wrong with something that was done. */
export function ActionError({ error }: { readonly error: unknown }) {
  const words = useErrorWords()
  if (!error) return null
  return (
    <Alert color="red" role="alert">
      {words(error)}
    </Alert>
  )
}
