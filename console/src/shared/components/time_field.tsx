/** A day, a time of day, or both, as the browser lets people type it. */
import { TextInput } from '@mantine/core'

interface TimeFieldProps {
  readonly type: 'date' | 'time' | 'datetime-local'
  readonly label: string
  readonly description?: string
  readonly error?: string | undefined
  readonly required?: boolean
  readonly value: string
  readonly onChange: (value: string) => void
}

export function TimeField({ onChange, ...field }: TimeFieldProps) {
  return <TextInput {...field} onChange={(event) => onChange(event.currentTarget.value)} />
}
