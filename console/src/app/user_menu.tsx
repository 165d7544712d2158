import { Button, Popover, UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import { ClockChoice, LanguageChoice, SchemeChoice } from '@/shared/components/choices'
import { useFormat } from '@/shared/format'
import { IconChevronUp, IconLogout } from '@/shared/icons'
import { useMembership } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { shellText } from '@/shared/messages/shell'
import { signOut, useSession } from '@/shared/session'
import { LeaveQuestion, useIsTyped } from '@/shared/unsaved'
import css from './user_menu.module.css'

type Scope = Parameters<typeof signOut>[0]

/** Who has signed in, what they have chosen for themselves, and the ways out. */
export function UserMenu() {
  const text = useText(shellText)
  const session = useSession()
  const format = useFormat()
  const role = useMembership()?.role
  const email = 'email' in session ? session.email : ''
  const isTyped = useIsTyped()
  const [asked, setAsked] = useState<Scope | null>(null)
  const leave = (scope: Scope) => (isTyped ? setAsked(scope) : void signOut(scope))
  return (
    <>
      <Popover position="top-start" width={264} shadow="md" radius="md" trapFocus>
        <Popover.Target>
          <UnstyledButton className={css.target}>
            <span className={css.initial} aria-hidden="true">
              {email.slice(0, 1).toUpperCase()}
            </span>
            <span className={css.hidden}>{text.you}:</span>
            <span className={css.who}>
              <span className={css.email}>{email}</span>
              <span className={css.role}>{role ? text.roles[role] : ''}</span>
            </span>
            <IconChevronUp size={16} className={css.arrow} aria-hidden="true" />
          </UnstyledButton>
        </Popover.Target>
        <Popover.Dropdown aria-label={text.you}>
          <div className={css.menu}>
            <p className={css.menuWho}>
              <strong>{email}</strong>
              {role ? text.roles[role] : ''}
            </p>
            <LanguageChoice bare={false} />
            <div>
              <ClockChoice />
              <p className={css.zone}>{format.zone()}</p>
            </div>
            <SchemeChoice />
            <div className={css.out}>
              <Button
                variant="default"
                leftSection={<IconLogout size={16} aria-hidden="true" />}
                onClick={() => leave('local')}
              >
                {text.signOut}
              </Button>
              <Button variant="subtle" size="compact-sm" onClick={() => leave('global')}>
                {text.signOutEverywhere}
              </Button>
            </div>
          </div>
        </Popover.Dropdown>
      </Popover>
      {asked && <LeaveQuestion stay={() => setAsked(null)} leave={() => void signOut(asked)} />}
    </>
  )
}
