/** An alert, and what operators do about it. */
import { Button, Textarea, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useAlertSentence } from '@/shared/alert_words'
import { useAction } from '@/shared/call'
import { ActionError } from '@/shared/components/action_error'
import { Dialog } from '@/shared/components/dialog'
import { Mark } from '@/shared/components/mark'
import { Row } from '@/shared/components/rows'
import { When } from '@/shared/components/when'
import { IconBellOff, IconCheck } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { alertWords } from '@/shared/messages/alert_words'
import { alertsText } from '@/shared/messages/alerts'
import { useText } from '@/shared/messages/define'
import { time } from '@/shared/time'
import type { FleetAlert } from './alert_answers'
import css from './alerts.module.css'

export function AlertRow({ alert }: { readonly alert: FleetAlert }) {
  const words = useText(alertWords)
  const sentence = useAlertSentence()
  const name = alert.device_name ?? words.kinds[alert.kind]
  return (
    <Row
      mark={
        <Mark tone={alert.resolved_at ? 'good' : alert.severity === 'critical' ? 'bad' : 'late'}>
          {alert.device_name ? words.kinds[alert.kind] : words.severities[alert.severity]}
        </Mark>
      }
      title={
        <>
          {alert.device_id ? (
            <Link to="/devices/$deviceId" params={{ deviceId: alert.device_id }}>
              {name}
            </Link>
          ) : (
            name
          )}
          {alert.site_name && ` · ${alert.site_name}`}
        </>
      }
      actions={alert.resolved_at || alert.kind === 'service' ? undefined : <AlertActions alert={alert} />}
    >
      {sentence(alert)}
      <AlertLife alert={alert} />
    </Row>
  )
}

/** When it opened, who has it in hand, until when it is not told, and when it was right again. */
function AlertLife({ alert }: { readonly alert: FleetAlert }) {
  const text = useText(alertsText)
  const words = useText(alertWords)
  return (
    <>
      <span className={css.note}>
        {alert.severity === 'critical' && <strong className={css.bad}>{words.severities.critical} · </strong>}
        {text.since} <When at={alert.opened_at} siteZone={alert.timezone ?? null} />
        {alert.resolved_at && (
          <>
            {' · '}
            {text.resolved} <When at={alert.resolved_at} siteZone={alert.timezone ?? null} />
          </>
        )}
        {alert.acknowledged_at && (
          <>
            {' · '}
            {text.inHand(alert.acknowledged_by ?? text.somebody)} <When at={alert.acknowledged_at} />
          </>
        )}
      </span>
      {!alert.resolved_at && isSnoozed(alert) && (
        <span className={css.note}>
          {text.snoozed} <When at={alert.snoozed_until} exact />
          {': '}
          {alert.snooze_reason} ({alert.snoozed_by ?? text.somebody})
        </span>
      )}
    </>
  )
}

function isSnoozed(alert: FleetAlert): boolean {
  return (time(alert.snoozed_until)?.getTime() ?? 0) > Date.now()
}

function AlertActions({ alert }: { readonly alert: FleetAlert }) {
  const text = useText(alertsText)
  const mayAct = useMay('operator')
  const acknowledge = useAction('acknowledge_alert', ['console_alerts'])
  const snooze = useAction('snooze_alert', ['console_alerts'])
  const [asks, setAsks] = useState(false)
  if (!mayAct) return null
  // Shown as taken at once; if the database refuses, the button is there again with its words.
  const isTaken = alert.acknowledged_at !== null || acknowledge.isPending || acknowledge.isSuccess
  return (
    <>
      {!isTaken && (
        <Button
          variant="default"
          leftSection={<IconCheck size={16} aria-hidden="true" />}
          onClick={() => acknowledge.mutate({ p_alert: alert.alert_id })}
        >
          {text.acknowledge}
        </Button>
      )}
      {isSnoozed(alert) ? (
        <Button
          variant="subtle"
          loading={snooze.isPending}
          onClick={() => snooze.mutate({ p_alert: alert.alert_id, p_until: null })}
        >
          {text.unsnooze}
        </Button>
      ) : (
        <Button
          variant="subtle"
          leftSection={<IconBellOff size={16} aria-hidden="true" />}
          onClick={() => setAsks(true)}
        >
          {text.snooze}
        </Button>
      )}
      <ActionError error={acknowledge.error ?? snooze.error} />
      {asks && <SnoozeDialog alert={alert} close={() => setAsks(false)} />}
    </>
  )
}

function SnoozeDialog({ alert, close }: { readonly alert: FleetAlert; readonly close: () => void }) {
  const text = useText(alertsText)
  const snooze = useAction('snooze_alert', ['console_alerts'])
  const [reason, setReason] = useState('')
  const [days, setDays] = useState('3')
  const act = () =>
    snooze.mutateAsync({
      p_alert: alert.alert_id,
      p_until: new Date(Date.now() + Number(days) * 86_400_000).toISOString(),
      p_reason: reason,
    })
  return (
    <Dialog title={text.snooze} button={text.snooze} act={act} close={close}>
      <p>{text.snoozeWords}</p>
      <TextInput
        type="number"
        label={text.days}
        min={1}
        max={365}
        required
        value={days}
        onChange={(event) => setDays(event.currentTarget.value)}
      />
      <Textarea
        label={text.reason}
        placeholder={text.reasonExample}
        data-autofocus
        required
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </Dialog>
  )
}
