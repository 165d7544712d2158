import { Alert } from '@mantine/core'
import { useErrorWords } from './states'

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
