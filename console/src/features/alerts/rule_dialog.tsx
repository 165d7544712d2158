/** Sets a rule for the company, a site or a device. What is left empty is as in the next wider scope. */
import { SegmentedControl, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useAction } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { type Scope, ScopeFields, type Site, useScopeName, WHOLE_COMPANY } from '@/shared/components/scope'
import { useFormat } from '@/shared/format'
import { alertsText } from '@/shared/messages/alerts'
import { useText } from '@/shared/messages/define'
import { type OwnRule, type Rule, type RuleValue, SETTINGS } from './alert_answers'
import css from './alerts.module.css'
import { useRuleWords, VALUES_OF } from './rule_words'

interface RuleDialogProps {
  /** What is changed; null for a new one. */
  readonly rule: OwnRule | null
  /** What holds where it leaves something out. */
  readonly wider: Rule
  /** A new one for a site or a device, which is asked for. */
  readonly needsScope?: boolean
  readonly sites: readonly Site[]
  readonly close: () => void
}

type Typed = Readonly<Partial<Record<RuleValue, string>>>

export function RuleDialog({ rule, wider, needsScope = false, sites, close }: RuleDialogProps) {
  const text = useText(alertsText)
  const words = useRuleWords()
  const format = useFormat()
  const scopeName = useScopeName()
  const set = useAction('set_alert_rule', SETTINGS)
  const values: readonly RuleValue[] = [...(VALUES_OF[wider.kind] ?? []), 'repeat_hours']
  const [scope, setScope] = useState<Scope | null>(
    needsScope ? null : rule ? { site: rule.site_id, device: rule.device_id } : WHOLE_COMPANY,
  )
  const [watched, setWatched] = useState(rule?.enabled === false ? 'off' : rule?.enabled ? 'on' : 'wider')
  const [typed, setTyped] = useState<Typed>(
    Object.fromEntries(values.flatMap((name) => (rule?.[name] == null ? [] : [[name, String(rule[name])]]))),
  )
  const value = (name: RuleValue) => (typed[name] ? Number(typed[name]) : null)
  const isEmpty = watched === 'wider' && values.every((name) => value(name) === null)

  const act = () =>
    set.mutateAsync({
      p_kind: wider.kind,
      p_subject: wider.subject,
      p_site: scope?.site ?? null,
      p_device: scope?.device ?? null,
      p_enabled: watched === 'wider' ? null : watched === 'on',
      p_lower: value('lower'),
      p_upper: value('upper'),
      p_margin: value('margin'),
      p_critical: value('critical'),
      p_at_least: value('at_least'),
      p_repeat_after: typed.repeat_hours ? `${typed.repeat_hours} hours` : null,
    })

  return (
    <Dialog
      title={words.title(wider)}
      button={text.setRule}
      isReady={scope !== null && !isEmpty}
      act={act}
      close={close}
    >
      {needsScope ? (
        <ScopeFields kinds={['site', 'device']} sites={sites} onChange={setScope} />
      ) : (
        <p>
          <strong>{scopeName(rule ?? {})}</strong>
        </p>
      )}
      <p className={css.hint}>{text.emptyMeans}</p>
      <fieldset className={css.group}>
        <legend>{text.watched}</legend>
        <SegmentedControl
          fullWidth
          aria-label={text.watched}
          data={[
            { value: 'wider', label: text.asWider },
            { value: 'on', label: text.yes },
            { value: 'off', label: text.no },
          ]}
          value={watched}
          onChange={setWatched}
        />
      </fieldset>
      {watched !== 'off' && (
        <div className={css.pair}>
          {values.map((name) => (
            <TextInput
              key={name}
              type="number"
              step="any"
              label={words.label(wider, name)}
              placeholder={wider[name] === null ? '–' : format.number(wider[name], 2)}
              value={typed[name] ?? ''}
              onChange={(event) => setTyped({ ...typed, [name]: event.currentTarget.value })}
            />
          ))}
        </div>
      )}
    </Dialog>
  )
}
