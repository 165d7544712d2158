import { TextInput } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { accountText } from '@/shared/messages/account'
import { useText } from '@/shared/messages/define'
import { auth } from '@/shared/supabase'
import { orThrow } from './account_error'
import { AccountFrame } from './account_frame'
import { EmailField, PasswordField } from './fields'
import { Form } from './form'

/** A code from the mail, not a link: no secret stands in an address, and it works in another browser too. */
export function ResetPage() {
  const text = useText(accountText)
  const navigate = useNavigate()
  const [email, setEmail] = useState('')
  const [sentTo, setSentTo] = useState<string | null>(null)
  const [code, setCode] = useState('')
  const [password, setPassword] = useState('')

  async function sendCode() {
    await orThrow(auth.resetPasswordForEmail(email.trim()))
    setSentTo(email.trim())
  }

  async function change(address: string) {
    await orThrow(auth.verifyOtp({ email: address, token: code.trim(), type: 'recovery' }))
    await orThrow(auth.updateUser({ password }))
    await navigate({ to: '/' })
  }

  return (
    <AccountFrame
      title={text.resetTitle}
      lead={sentTo === null ? text.resetLead : text.codeSent(sentTo)}
      footer={<Link to="/sign-in">{text.backToSignIn}</Link>}
    >
      {sentTo === null ? (
        <Form button={text.sendCode} act={sendCode}>
          <EmailField value={email} onChange={setEmail} />
        </Form>
      ) : (
        <Form key="change" button={text.setPassword} act={() => change(sentTo)}>
          <TextInput
            label={text.code}
            name="code"
            inputMode="numeric"
            autoComplete="one-time-code"
            required
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
          <PasswordField
            isNew
            label={text.newPassword}
            name="new-password"
            value={password}
            onChange={setPassword}
          />
        </Form>
      )}
    </AccountFrame>
  )
}
