/** Open invitations, which admins may take back. */
import { Button } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { asUser, useRows } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { Card } from '@/shared/components/page'
import { Row, Rows } from '@/shared/components/rows'
import { When } from '@/shared/components/when'
import { ROLES } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { peopleText } from '@/shared/messages/people'
import { shellText } from '@/shared/messages/shell'
import { readChoice } from '@/shared/search'
import { database } from '@/shared/supabase'

interface Invitation {
  readonly invitation_id: string
  readonly email: string
  readonly role: string
  readonly expires_at: string
}

export function Invitations() {
  const text = useText(peopleText)
  const shell = useText(shellText)
  const [taken, setTaken] = useState<Invitation | null>(null)
  const open = useRows(['invitations'], () =>
    database
      .from('invitations')
      .select('invitation_id, email, role, expires_at')
      .is('accepted_at', null)
      .order('created_at', { ascending: false })
      .limit(200),
  )
  if (!open.data || open.data.length === 0) return null
  return (
    <Card title={text.invitations}>
      <Rows label={text.invitations}>
        {open.data.map((invitation) => {
          const role = readChoice(invitation.role, ROLES)
          return (
            <Row
              key={invitation.invitation_id}
              title={invitation.email}
              actions={
                <Button variant="subtle" onClick={() => setTaken(invitation)}>
                  {text.takeBack}
                </Button>
              }
            >
              {role && shell.roles[role]} · {text.counts} <When at={invitation.expires_at} exact />
            </Row>
          )
        })}
      </Rows>
      {taken && <TakeBackDialog invitation={taken} close={() => setTaken(null)} />}
    </Card>
  )
}

interface TakeBackDialogProps {
  readonly invitation: Invitation
  readonly close: () => void
}

function TakeBackDialog({ invitation, close }: TakeBackDialogProps) {
  const text = useText(peopleText)
  const client = useQueryClient()
  async function act() {
    await asUser(() => database.from('invitations').delete().eq('invitation_id', invitation.invitation_id))
    await client.invalidateQueries({ queryKey: ['invitations'] })
  }
  return (
    <Dialog title={text.takeBack} button={text.takeBack} isGrave act={act} close={close}>
      <p>{text.takeBackWords(invitation.email)}</p>
    </Dialog>
  )
}
