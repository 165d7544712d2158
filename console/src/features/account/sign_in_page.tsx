import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { withFragment } from '@/shared/fragment'
import { accountText } from '@/shared/messages/account'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { auth } from '@/shared/supabase'
import { orThrow } from './account_error'
import { AccountFrame } from './account_frame'
import { EmailField, PasswordField } from './fields'
import { Form } from './form'

const route = getRouteApi('/sign-in')

export function SignInPage() {
  const text = useText(accountText)
  const common = useText(commonText)
  const { next } = route.useSearch()
  const navigate = useNavigate()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')

  async function signIn() {
    await orThrow(auth.signInWithPassword({ email: email.trim(), password }))
    await navigate({ href: withFragment(next ?? '/'), replace: true })
  }

  return (
    <AccountFrame
      title={text.signIn}
      footer={
        <>
          <Link to="/reset">{text.forgot}</Link>
          <Link to="/join">{text.invited}</Link>
        </>
      }
    >
      <Form button={text.signIn} act={signIn}>
        <EmailField value={email} onChange={setEmail} />
        <PasswordField label={common.password} value={password} onChange={setPassword} />
      </Form>
    </AccountFrame>
  )
}
