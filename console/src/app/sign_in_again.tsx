import { Button, Modal, PasswordInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { orThrow } from '@/features/account/account_error'
import { Form } from '@/features/account/form'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { shellText } from '@/shared/messages/shell'
import { signOut } from '@/shared/session'
import { auth } from '@/shared/supabase'

/** Asks for the password over a page that stays as it is; what waited for a session goes on by itself. */
export function SignInAgain({ email }: { readonly email: string }) {
  const text = useText(shellText)
  const common = useText(commonText)
  const client = useQueryClient()
  const [password, setPassword] = useState('')
  async function signIn() {
    await orThrow(auth.signInWithPassword({ email, password }))
    await client.invalidateQueries()
  }
  return (
    <Modal opened title={text.againTitle} withCloseButton={false} onClose={() => undefined}>
      <Form button={text.goOn} act={signIn}>
        <p>{text.again}</p>
        <input type="email" name="email" autoComplete="username" value={email} readOnly hidden />
        <PasswordInput
          label={common.password}
          description={email}
          name="password"
          autoComplete="current-password"
          data-autofocus
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
      </Form>
      <Button variant="subtle" fullWidth mt="sm" onClick={() => void signOut('local')}>
        {text.somebodyElse}
      </Button>
    </Modal>
  )
}
