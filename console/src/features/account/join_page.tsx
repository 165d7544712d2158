import { SegmentedControl } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { accountText } from '@/shared/messages/account'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { useSession } from '@/shared/session'
import { auth } from '@/shared/supabase'
import { acceptInvitation } from './accept_invitation'
import { orThrow } from './account_error'
import { AccountFrame } from './account_frame'
import { EmailField, InvitationField, PasswordField } from './fields'
import { Form } from './form'

/** Takes the code out of `/join#invitation=…`, a link that an operator may send: it stays in no address and in no history. */
function takeInvitation(): string {
  const code = new URLSearchParams(window.location.hash.slice(1)).get('invitation') ?? ''
  if (code) window.history.replaceState(window.history.state, '', window.location.pathname)
  return code
}

/** Makes an account or signs in, and accepts the invitation. */
export function JoinPage() {
  const text = useText(accountText)
  const common = useText(commonText)
  const navigate = useNavigate()
  const client = useQueryClient()
  const session = useSession()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState(takeInvitation)
  const [isNew, setIsNew] = useState(true)
  const [confirmFirst, setConfirmFirst] = useState(false)
  const hasSession = session.state === 'signed-in'

  async function join() {
    if (!hasSession) {
      const account = { email: email.trim(), password }
      const { session: made } = await orThrow(isNew ? auth.signUp(account) : auth.signInWithPassword(account))
      if (!made) {
        setConfirmFirst(true)
        setIsNew(false)
        return
      }
    }
    await acceptInvitation(code, text)
    await client.invalidateQueries({ queryKey: ['me'] })
    await navigate({ to: '/' })
  }

  return (
    <AccountFrame
      title={text.joinTitle}
      lead={confirmFirst ? text.confirmFirst : text.joinLead}
      footer={hasSession ? undefined : <Link to="/sign-in">{text.backToSignIn}</Link>}
    >
      {!hasSession && (
        <SegmentedControl
          fullWidth
          data={[
            { value: 'new', label: text.isNew },
            { value: 'known', label: text.hasAccount },
          ]}
          value={isNew ? 'new' : 'known'}
          onChange={(choice) => setIsNew(choice === 'new')}
        />
      )}
      <Form button={text.join} act={join}>
        <InvitationField value={code} onChange={setCode} />
        {hasSession ? (
          <p>{text.signedInAs(session.email)}</p>
        ) : (
          <>
            <EmailField value={email} onChange={setEmail} />
            <PasswordField isNew={isNew} label={common.password} value={password} onChange={setPassword} />
          </>
        )}
      </Form>
    </AccountFrame>
  )
}
