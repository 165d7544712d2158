/** How long pictures are kept, and what they take. */
import { Button } from '@mantine/core'
import { useState } from 'react'
import { useAction, useCall } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { Card, Page } from '@/shared/components/page'
import { Row, Rows } from '@/shared/components/rows'
import { useScopeName } from '@/shared/components/scope'
import { Blocks, Loaded } from '@/shared/components/states'
import { IconPlus } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'
import css from './keeping.module.css'
import type { Keeping, Policy } from './keeping_answers'
import { KeepingTabs } from './keeping_tabs'
import { PolicyDialog } from './policy_dialog'
import { usePolicyWords } from './policy_words'
import { UsageCard } from './usage_card'

export function KeepingPage() {
  const text = useText(keepingText)
  const keeping = useCall('console_keeping', {}, { every: 60_000 })
  return (
    <Page title={text.title} lead={text.lead}>
      <KeepingTabs />
      <Loaded query={keeping} loading={<Blocks count={2} height="14rem" />}>
        {(found) => (
          <div className={css.columns}>
            <Policies keeping={found} />
            <UsageCard usage={found.usage} />
          </div>
        )}
      </Loaded>
    </Page>
  )
}

function Policies({ keeping }: { readonly keeping: Keeping }) {
  const text = useText(keepingText)
  const mayChange = useMay('admin')
  const [asked, setAsked] = useState<'new' | Policy | null>(null)
  const [ending, setEnding] = useState<Policy | null>(null)
  const words = usePolicyWords()
  const scopeName = useScopeName()
  return (
    <Card
      title={text.policies}
      aside={
        mayChange && (
          <Button leftSection={<IconPlus size={16} aria-hidden="true" />} onClick={() => setAsked('new')}>
            {text.setPolicy}
          </Button>
        )
      }
    >
      {keeping.policies.length === 0 ? (
        <p className={css.soft}>{mayChange ? text.forGood : text.forGoodOthers}</p>
      ) : (
        <Rows label={text.policies}>
          {keeping.policies.map((policy) => (
            <Row
              key={policy.policy_id}
              title={scopeName(policy)}
              actions={
                mayChange && (
                  <>
                    <Button variant="default" onClick={() => setAsked(policy)}>
                      {text.change}
                    </Button>
                    <Button variant="subtle" onClick={() => setEnding(policy)}>
                      {text.end}
                    </Button>
                  </>
                )
              }
            >
              {words(policy).map((line) => (
                <span key={line} className={css.line}>
                  {line}
                </span>
              ))}
            </Row>
          ))}
        </Rows>
      )}
      <p className={css.hint}>{text.narrowest}</p>
      {asked !== null && (
        <PolicyDialog
          policy={asked === 'new' ? null : asked}
          sites={keeping.sites}
          close={() => setAsked(null)}
        />
      )}
      {ending && <EndDialog policy={ending} close={() => setEnding(null)} />}
    </Card>
  )
}

function EndDialog({ policy, close }: { readonly policy: Policy; readonly close: () => void }) {
  const text = useText(keepingText)
  const scopeName = useScopeName()
  const set = useAction('set_keep_policy', ['console_keeping'])
  return (
    <Dialog
      title={text.end}
      button={text.end}
      isGrave
      act={() => set.mutateAsync({ p_policy: { site_id: policy.site_id, device_id: policy.device_id } })}
      close={close}
    >
      <p>{text.endWords(scopeName(policy))}</p>
    </Dialog>
  )
}
