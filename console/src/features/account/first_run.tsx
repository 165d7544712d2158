/** What somebody sees whose account has no company yet. */
import { Code } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { accountText } from '@/shared/messages/account'
import { useText } from '@/shared/messages/define'
import { useSession } from '@/shared/session'
import { acceptInvitation } from './accept_invitation'
import { AccountFrame } from './account_frame'
import { InvitationField } from './fields'
import { Form } from './form'

export function FirstRun() {
  const text = useText(accountText)
  const client = useQueryClient()
  const session = useSession()
  const [code, setCode] = useState('')

  async function join() {
    await acceptInvitation(code, text)
    await client.invalidateQueries({ queryKey: ['me'] })
  }

  return (
    <AccountFrame title={text.firstRunTitle} lead={text.firstRun}>
      {'email' in session && <p>{text.signedInAs(session.email)}</p>}
      <h2>{text.firstRunInvited}</h2>
      <Form button={text.join} act={join}>
        <InvitationField value={code} onChange={setCode} />
      </Form>
      <p>{text.firstRunOperator}</p>
      <Code
        block
      >{`fleet companies create "Greenhouse Ltd" \\\n  --admin ${'email' in session ? session.email : ''}`}</Code>
    </AccountFrame>
  )
}
