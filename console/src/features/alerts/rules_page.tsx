/** When alerts open: what holds for the company, and for which sites and devices something else does. */
import { Button } from '@mantine/core'
import { useState } from 'react'
import { useAction, useCall } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { Mark } from '@/shared/components/mark'
import { Card, Page } from '@/shared/components/page'
import { Row, Rows } from '@/shared/components/rows'
import { useScopeName } from '@/shared/components/scope'
import { Blocks, Loaded } from '@/shared/components/states'
import { ToolBar } from '@/shared/components/tool_bar'
import { useMay } from '@/shared/me'
import { alertsText } from '@/shared/messages/alerts'
import { useText } from '@/shared/messages/define'
import { type AlertSettings, type OwnRule, RULE_VALUES, type Rule, SETTINGS } from './alert_answers'
import { AlertTabs } from './alert_tabs'
import css from './alerts.module.css'
import { RuleDialog } from './rule_dialog'
import { useRuleWords } from './rule_words'

export function RulesPage() {
  const text = useText(alertsText)
  const settings = useCall('console_alert_settings', {})
  return (
    <Page title={text.rules} lead={text.rulesLead}>
      <AlertTabs />
      <Loaded query={settings} loading={<Blocks count={7} height="4rem" />}>
        {(found) => (
          <Card>
            <Rows label={text.rules}>
              {found.defaults.map((rule) => (
                <KindRow key={`${rule.kind} ${rule.subject}`} defaults={rule} settings={found} />
              ))}
            </Rows>
          </Card>
        )}
      </Loaded>
    </Page>
  )
}

/** What an own rule leaves out comes from the wider one. */
function filled(rule: OwnRule, wider: Rule & { readonly enabled?: boolean | null }): OwnRule {
  const values = Object.fromEntries(RULE_VALUES.map((name) => [name, rule[name] ?? wider[name]]))
  return { ...rule, ...values, enabled: rule.enabled ?? wider.enabled ?? true }
}

type Asked = { readonly what: 'change' | 'end'; readonly rule: OwnRule | null }

function KindRow({ defaults, settings }: { readonly defaults: Rule; readonly settings: AlertSettings }) {
  const text = useText(alertsText)
  const mayChange = useMay('operator')
  const ruleWords = useRuleWords()
  const scopeName = useScopeName()
  const [asked, setAsked] = useState<Asked | 'exception' | null>(null)
  const { kind, subject } = defaults
  const own = settings.rules.filter((rule) => rule.kind === kind && rule.subject === subject)
  const ofCompany = own.find((rule) => rule.site_id === null && rule.device_id === null)
  const exceptions = own.filter((rule) => rule !== ofCompany)
  const company = ofCompany ? filled(ofCompany, defaults) : { ...defaults, enabled: true }
  const close = () => setAsked(null)
  const given = asked !== null && asked !== 'exception' ? asked : null
  return (
    <Row
      title={ruleWords.title(defaults)}
      mark={
        company.enabled === false ? (
          <Mark tone="rest">{text.off}</Mark>
        ) : (
          ofCompany && <Mark tone="good">{text.ownRule}</Mark>
        )
      }
      actions={
        mayChange && (
          <>
            <Button variant="default" onClick={() => setAsked({ what: 'change', rule: ofCompany ?? null })}>
              {text.change}
            </Button>
            {kind !== 'storage' && (
              <Button variant="subtle" onClick={() => setAsked('exception')}>
                {text.exception}
              </Button>
            )}
            {ofCompany && (
              <Button variant="subtle" onClick={() => setAsked({ what: 'end', rule: ofCompany })}>
                {text.asDefault}
              </Button>
            )}
          </>
        )
      }
    >
      {ruleWords.sentence(company)}
      {exceptions.length > 0 && (
        <ul className={css.exceptions}>
          {exceptions.map((rule) => (
            <li key={rule.rule_id}>
              <span>
                <strong>{scopeName(rule)}</strong>
                {': '}
                {ruleWords.sentence(filled(rule, company))}
              </span>
              {mayChange && (
                <ToolBar>
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    onClick={() => setAsked({ what: 'change', rule })}
                  >
                    {text.change}
                  </Button>
                  <Button size="compact-sm" variant="subtle" onClick={() => setAsked({ what: 'end', rule })}>
                    {text.end}
                  </Button>
                </ToolBar>
              )}
            </li>
          ))}
        </ul>
      )}
      {asked === 'exception' && (
        <RuleDialog rule={null} wider={company} needsScope sites={settings.sites} close={close} />
      )}
      {given?.what === 'change' && (
        <RuleDialog
          rule={given.rule}
          wider={given.rule === null || given.rule === ofCompany ? defaults : company}
          sites={settings.sites}
          close={close}
        />
      )}
      {given?.what === 'end' && given.rule && <EndDialog rule={given.rule} close={close} />}
    </Row>
  )
}

function EndDialog({ rule, close }: { readonly rule: OwnRule; readonly close: () => void }) {
  const text = useText(alertsText)
  const scopeName = useScopeName()
  const set = useAction('set_alert_rule', SETTINGS)
  const act = () =>
    set.mutateAsync({
      p_kind: rule.kind,
      p_subject: rule.subject,
      p_site: rule.site_id,
      p_device: rule.device_id,
    })
  return (
    <Dialog title={text.endRule} button={text.endRule} act={act} close={close}>
      <p>{text.endRuleWords(scopeName(rule))}</p>
    </Dialog>
  )
}
