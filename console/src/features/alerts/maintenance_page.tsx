/** When nobody wants to be told: maintenance windows that are open, to come, and over. */
import { Button, Textarea } from '@mantine/core'
import { useState } from 'react'
import { useAction, useCall } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { Mark } from '@/shared/components/mark'
import { Card, Page } from '@/shared/components/page'
import { Row, Rows } from '@/shared/components/rows'
import { type Scope, ScopeFields, type Site, useScopeName, WHOLE_COMPANY } from '@/shared/components/scope'
import { Blocks, EmptyState, Loaded } from '@/shared/components/states'
import { TimeField } from '@/shared/components/time_field'
import { useNow, When } from '@/shared/components/when'
import { localInput } from '@/shared/format'
import { IconPlus, IconTool } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { alertsText } from '@/shared/messages/alerts'
import { useText } from '@/shared/messages/define'
import { time } from '@/shared/time'
import { type MaintenanceWindow, SETTINGS } from './alert_answers'
import { AlertTabs } from './alert_tabs'
import css from './alerts.module.css'

export function MaintenancePage() {
  const text = useText(alertsText)
  const mayChange = useMay('operator')
  const settings = useCall('console_alert_settings', {})
  const [asks, setAsks] = useState(false)
  const button = mayChange && (
    <Button leftSection={<IconPlus size={16} aria-hidden="true" />} onClick={() => setAsks(true)}>
      {text.startWindow}
    </Button>
  )
  return (
    <Page title={text.maintenance} lead={text.maintenanceLead} actions={button}>
      <AlertTabs />
      <Loaded query={settings} loading={<Blocks count={3} height="4rem" />}>
        {({ windows, sites }) => (
          <>
            {windows.length === 0 ? (
              <EmptyState icon={IconTool} title={text.noWindow}>
                {text.noWindowWords}
              </EmptyState>
            ) : (
              <Card>
                <Rows label={text.maintenance}>
                  {windows.map((window) => (
                    <WindowRow key={window.window_id} window={window} />
                  ))}
                </Rows>
              </Card>
            )}
            {asks && <WindowDialog sites={sites} close={() => setAsks(false)} />}
          </>
        )}
      </Loaded>
    </Page>
  )
}

function WindowRow({ window }: { readonly window: MaintenanceWindow }) {
  const text = useText(alertsText)
  const now = useNow()
  const mayChange = useMay('operator')
  const scopeName = useScopeName()
  const end = useAction('end_maintenance', SETTINGS)
  const [asks, setAsks] = useState(false)
  const isOver = (time(window.ends_at)?.getTime() ?? 0) <= now.getTime()
  const isToCome = (time(window.starts_at)?.getTime() ?? 0) > now.getTime()
  const name = scopeName(window)
  return (
    <Row
      title={name}
      mark={
        <Mark tone={isOver ? 'rest' : isToCome ? 'odd' : 'late'}>
          {isOver ? text.over : isToCome ? text.toCome : text.now}
        </Mark>
      }
      actions={
        mayChange &&
        !isOver && (
          <Button variant="default" onClick={() => setAsks(true)}>
            {isToCome ? text.dropWindow : text.endWindow}
          </Button>
        )
      }
    >
      {window.reason}
      <span className={css.note}>
        <When at={window.starts_at} exact /> – <When at={window.ends_at} exact />
        {window.created_by && ` · ${window.created_by}`}
      </span>
      {asks && (
        <Dialog
          title={isToCome ? text.dropWindow : text.endWindow}
          button={isToCome ? text.dropWindow : text.endWindow}
          act={() => end.mutateAsync({ p_window: window.window_id })}
          close={() => setAsks(false)}
        >
          <p>{text.endWindowWords(name)}</p>
        </Dialog>
      )}
    </Row>
  )
}

function WindowDialog({ sites, close }: { readonly sites: readonly Site[]; readonly close: () => void }) {
  const text = useText(alertsText)
  const start = useAction('start_maintenance', SETTINGS)
  const [scope, setScope] = useState<Scope | null>(WHOLE_COMPANY)
  const [from, setFrom] = useState('')
  const [until, setUntil] = useState(() => localInput(new Date(Date.now() + 2 * 3_600_000)))
  const [reason, setReason] = useState('')
  const act = () =>
    start.mutateAsync({
      p_until: new Date(until).toISOString(),
      p_reason: reason,
      p_device: scope?.device ?? null,
      p_site: scope?.site ?? null,
      ...(from === '' ? {} : { p_from: new Date(from).toISOString() }),
    })
  return (
    <Dialog
      title={text.startWindow}
      button={text.startWindow}
      isReady={scope !== null}
      act={act}
      close={close}
    >
      <p>{text.windowWords}</p>
      <ScopeFields sites={sites} onChange={setScope} />
      <div className={css.pair}>
        <TimeField
          type="datetime-local"
          label={text.from}
          description={text.fromHint}
          value={from}
          onChange={setFrom}
        />
        <TimeField type="datetime-local" label={text.until} required value={until} onChange={setUntil} />
      </div>
      <Textarea
        label={text.reason}
        placeholder={text.windowExample}
        required
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </Dialog>
  )
}
