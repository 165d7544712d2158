import { Alert, Button, Group, Modal, PasswordInput, Stack } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { accountText } from '@/shared/messages/account'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { shellText } from '@/shared/messages/shell'
import { signOut } from '@/shared/session'
import { auth } from '@/shared/supabase'

/** Asks for the password over a page that stays as it is; what waited for a session goes on by itself. */
export function SignInAgain({ email }: { readonly email: string }) {
  const text = useText(shellText)
  const account = useText(accountText)
  const common = useText(commonText)
  const client = useQueryClient()
  const [password, setPassword] = useState('')
  const signIn = useMutation({
    mutationFn: async () => {
      const { error } = await auth.signInWithPassword({ email, password })
      if (error) throw error
    },
    onSuccess: () => client.invalidateQueries(),
  })
  return (
    <Modal opened title={text.againTitle} withCloseButton={false} onClose={() => undefined}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          signIn.mutate()
        }}
      >
        <Stack>
          <p>{text.again}</p>
          <input type="email" name="email" autoComplete="username" value={email} readOnly hidden />
          <PasswordInput
            label={common.password}
            description={email}
            name="password"
            autoComplete="current-password"
            data-autofocus
            required
            withAsterisk={false}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          {signIn.isError && (
            <Alert color="red" role="alert">
              {'code' in signIn.error && signIn.error.code === 'invalid_credentials'
                ? account.wrong
                : common.errors.unreachable}
            </Alert>
          )}
          <Group justify="space-between">
            <Button variant="subtle" onClick={() => void signOut('local')}>
              {text.somebodyElse}
            </Button>
            <Button type="submit" loading={signIn.isPending}>
              {text.goOn}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
