/** What the forms of an account ask for. */
import { PasswordInput, TextInput } from '@mantine/core'
import { accountText } from '@/shared/messages/account'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'

interface FieldProps {
  readonly value: string
  readonly onChange: (value: string) => void
}

export function EmailField({ value, onChange }: FieldProps) {
  const text = useText(commonText)
  return (
    <TextInput
      label={text.email}
      type="email"
      name="email"
      autoComplete="username"
      required
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

export function InvitationField({ value, onChange }: FieldProps) {
  const text = useText(accountText)
  return (
    <TextInput
      label={text.invitation}
      name="invitation"
      autoComplete="off"
      spellCheck={false}
      required
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

interface PasswordFieldProps extends FieldProps {
  readonly label: string
  readonly name?: string
  /** One that is chosen now, not one that is known. */
  readonly isNew?: boolean
}

export function PasswordField({
  isNew = false,
  name = 'password',
  label,
  value,
  onChange,
}: PasswordFieldProps) {
  const text = useText(accountText)
  return (
    <PasswordInput
      label={label}
      name={name}
      autoComplete={isNew ? 'new-password' : 'current-password'}
      required
      {...(isNew ? { description: text.passwordHint, minLength: 8 } : {})}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
