import { NativeSelect, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useAction } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { ROLES, type Role } from '@/shared/me'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { peopleText } from '@/shared/messages/people'
import { shellText } from '@/shared/messages/shell'
import { readChoice } from '@/shared/search'

interface InviteDialogProps {
  /** The token is told once, to be sent to whom it is for. */
  readonly showToken: (token: string) => void
  readonly close: () => void
}

export function InviteDialog({ showToken, close }: InviteDialogProps) {
  const text = useText(peopleText)
  const common = useText(commonText)
  const shell = useText(shellText)
  const invite = useAction('invite_member', ['invitations'])
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  return (
    <Dialog
      title={text.invite}
      button={text.invite}
      act={async () => showToken(await invite.mutateAsync({ p_email: email.trim(), p_role: role }))}
      close={close}
    >
      <TextInput
        type="email"
        label={common.email}
        autoComplete="off"
        data-autofocus
        required
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <NativeSelect
        label={text.role}
        description={text.may[role]}
        inputWrapperOrder={['label', 'input', 'description']}
        data={ROLES.map((name) => ({ value: name, label: shell.roles[name] }))}
        value={role}
        onChange={(event) => setRole(readChoice(event.currentTarget.value, ROLES) ?? 'viewer')}
      />
      <p>{text.inviteWords}</p>
    </Dialog>
  )
}
