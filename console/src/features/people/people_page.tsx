/** Who belongs to the company, and who is invited. */
import { Button, NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { useAction, useRows } from '@/shared/call'
import { ActionError } from '@/shared/components/action_error'
import { Dialog } from '@/shared/components/dialog'
import { Card, Page } from '@/shared/components/page'
import { Row, Rows } from '@/shared/components/rows'
import { Secret } from '@/shared/components/secret'
import { Blocks, Loaded } from '@/shared/components/states'
import { When } from '@/shared/components/when'
import { IconPlus } from '@/shared/icons'
import { ROLES, type Role, useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { peopleText } from '@/shared/messages/people'
import { shellText } from '@/shared/messages/shell'
import { readChoice } from '@/shared/search'
import { signOut, useSession } from '@/shared/session'
import { database } from '@/shared/supabase'
import { Invitations } from './invitations'
import { InviteDialog } from './invite_dialog'
import { PeopleTabs } from './people_tabs'

interface Member {
  readonly user_id: string
  readonly email: string | null
  readonly role: Role
  readonly created_at: string
}

export function PeoplePage() {
  const text = useText(peopleText)
  const isAdmin = useMay('admin')
  const [asks, setAsks] = useState(false)
  const [token, setToken] = useState<string | null>(null)
  const members = useRows(['members'], () =>
    database
      .from('users')
      .select('user_id, email, role, created_at')
      .not('company_id', 'is', null)
      .order('created_at')
      .limit(500)
      .overrideTypes<Member[], { merge: false }>(),
  )
  return (
    <Page
      title={text.people}
      lead={text.lead}
      actions={
        isAdmin && (
          <Button leftSection={<IconPlus size={16} aria-hidden="true" />} onClick={() => setAsks(true)}>
            {text.invite}
          </Button>
        )
      }
    >
      <PeopleTabs />
      <Loaded query={members} loading={<Blocks count={3} height="4rem" />}>
        {(found) => (
          <Card title={text.members}>
            <Rows label={text.members}>
              {found.map((member) => (
                <MemberRow key={member.user_id} member={member} />
              ))}
            </Rows>
          </Card>
        )}
      </Loaded>
      {isAdmin && <Invitations />}
      {asks && <InviteDialog showToken={setToken} close={() => setAsks(false)} />}
      {token !== null && (
        <Secret
          title={text.linkTitle}
          words={text.linkWords}
          secret={`${window.location.origin}/join#invitation=${token}`}
          close={() => setToken(null)}
        />
      )}
    </Page>
  )
}

function MemberRow({ member }: { readonly member: Member }) {
  const text = useText(peopleText)
  const shell = useText(shellText)
  const session = useSession()
  const isAdmin = useMay('admin')
  const setRole = useAction('set_member_role', ['members', 'me'])
  const [asks, setAsks] = useState(false)
  const [ownRole, setOwnRole] = useState<Role | null>(null)
  const isOneself = 'userId' in session && session.userId === member.user_id
  const email = member.email ?? text.noEmail
  const role = setRole.isPending ? (setRole.variables.p_role as Role) : member.role
  return (
    <Row
      title={isOneself ? `${email} (${text.you})` : email}
      actions={
        <>
          {isAdmin && (
            <NativeSelect
              aria-label={text.roleOf(email)}
              data={ROLES.map((name) => ({ value: name, label: shell.roles[name] }))}
              value={role}
              onChange={(event) => {
                const chosen = readChoice(event.currentTarget.value, ROLES)
                if (isOneself) setOwnRole(chosen ?? null)
                else if (chosen) setRole.mutate({ p_user: member.user_id, p_role: chosen })
              }}
            />
          )}
          {(isAdmin || isOneself) && (
            <Button variant="subtle" color="red" onClick={() => setAsks(true)}>
              {isOneself ? text.leave : text.remove}
            </Button>
          )}
          <ActionError error={setRole.error} />
        </>
      }
    >
      {!isAdmin && `${shell.roles[role]} · `}
      {text.since} <When at={member.created_at} />
      {ownRole !== null && ownRole !== member.role && (
        <Dialog
          title={text.ownRole}
          button={text.ownRole}
          isGrave
          act={() => setRole.mutateAsync({ p_user: member.user_id, p_role: ownRole })}
          close={() => setOwnRole(null)}
        >
          <p>{text.ownRoleWords(shell.roles[ownRole])}</p>
        </Dialog>
      )}
      {asks && <RemoveDialog member={member} isOneself={isOneself} close={() => setAsks(false)} />}
    </Row>
  )
}

interface RemoveDialogProps {
  readonly member: Member
  readonly isOneself: boolean
  readonly close: () => void
}

function RemoveDialog({ member, isOneself, close }: RemoveDialogProps) {
  const text = useText(peopleText)
  const remove = useAction('remove_member', ['members'])
  async function act() {
    await remove.mutateAsync({ p_user: member.user_id })
    if (isOneself) await signOut('local')
  }
  const title = isOneself ? text.leave : text.remove
  return (
    <Dialog title={title} button={title} isGrave act={act} close={close}>
      <p>{isOneself ? text.leaveWords : text.removeWords(member.email ?? text.noEmail)}</p>
    </Dialog>
  )
}
