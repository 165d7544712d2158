/** A short form: what went wrong stands above its button, and nothing that was typed is lost. */
import { Alert, Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useAccountError } from './account_error'
import css from './form.module.css'

interface FormProps {
  readonly button: string
  readonly act: () => Promise<unknown>
  readonly children: ReactNode
}

export function Form({ button, act, children }: FormProps) {
  const words = useAccountError()
  const action = useMutation({ mutationFn: act, networkMode: 'always' })
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault()
        action.mutate()
      }}
    >
      {children}
      {action.isError && (
        <Alert color="red" role="alert">
          {words(action.error)}
        </Alert>
      )}
      <Button type="submit" size="md" fullWidth loading={action.isPending}>
        {button}
      </Button>
    </form>
  )
}
