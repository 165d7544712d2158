/** Makes a channel, or changes what one takes and when. */
import { Checkbox, NativeSelect, SegmentedControl, TextInput } from '@mantine/core'
import { useState } from 'react'
import { ALERT_KINDS } from '@/shared/alert_words'
import { useAction } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { TimeField } from '@/shared/components/time_field'
import { alertWords } from '@/shared/messages/alert_words'
import { alertsText } from '@/shared/messages/alerts'
import { channelsText } from '@/shared/messages/channels'
import { useText } from '@/shared/messages/define'
import { VIEWER_ZONE } from '@/shared/zones'
import { type AlertSettings, type Channel, SETTINGS } from './alert_answers'
import css from './alerts.module.css'
import { useEventName } from './channel_words'

interface ChannelDialogProps {
  /** What is changed; null for a new one. */
  readonly channel: Channel | null
  readonly settings: AlertSettings
  readonly showSecret: (secret: string) => void
  readonly close: () => void
}

const KINDS = ['email', 'apprise', 'webhook'] as const
type Kind = (typeof KINDS)[number]

interface Typed {
  readonly name: string
  readonly kind: Kind
  /** Of a channel that there is, empty for as it was: nobody is told the whole target again. */
  readonly target: string
  readonly events: readonly string[]
  readonly kinds: readonly string[]
  readonly site: string
  readonly quietFrom: string
  readonly quietUntil: string
}

function typedOf(channel: Channel | null, { events, members }: AlertSettings): Typed {
  return {
    name: channel?.name ?? '',
    kind: channel?.kind ?? 'email',
    target: channel ? (channel.kind === 'email' ? channel.target : '') : (members[0] ?? ''),
    events: channel?.event_types ?? events.filter((type) => type.startsWith('alert.')),
    kinds: channel?.alert_kinds ?? ALERT_KINDS,
    site: channel?.site_id ?? '',
    quietFrom: channel?.quiet_from?.slice(0, 5) ?? '',
    quietUntil: channel?.quiet_until?.slice(0, 5) ?? '',
  }
}

export function ChannelDialog({ channel, settings, showSecret, close }: ChannelDialogProps) {
  const text = useText(channelsText)
  const create = useAction('create_channel', SETTINGS)
  const update = useAction('update_channel', SETTINGS)
  const [typed, setTyped] = useState(() => typedOf(channel, settings))
  const change = (changes: Partial<Typed>) => setTyped({ ...typed, ...changes })

  async function act() {
    const hasQuiet = typed.kind !== 'webhook' && typed.quietFrom !== '' && typed.quietUntil !== ''
    const more = {
      event_types: [...typed.events],
      alert_kinds: typed.kinds.length === ALERT_KINDS.length ? null : [...typed.kinds],
      site_id: typed.site || null,
      quiet: hasQuiet
        ? {
            from: typed.quietFrom,
            until: typed.quietUntil,
            timezone: channel?.quiet_timezone ?? VIEWER_ZONE,
          }
        : null,
    }
    if (channel) {
      const target = typed.target === '' || typed.target === channel.target ? {} : { target: typed.target }
      await update.mutateAsync({
        p_channel: channel.channel_id,
        p_changes: { name: typed.name, ...target, ...more },
      })
    } else {
      const { secret } = await create.mutateAsync({
        p_name: typed.name,
        p_kind: typed.kind,
        p_target: typed.target,
        p_more: more,
      })
      if (secret) showSecret(secret)
    }
  }

  return (
    <Dialog
      title={channel ? text.change : text.make}
      button={channel ? text.save : text.make}
      act={act}
      close={close}
    >
      {!channel && (
        <SegmentedControl
          fullWidth
          aria-label={text.kind}
          data={KINDS.map((kind) => ({ value: kind, label: text.kinds[kind] }))}
          value={typed.kind}
          onChange={(value) => {
            const kind = KINDS.find((known) => known === value) ?? 'email'
            change({ kind, target: kind === 'email' ? (settings.members[0] ?? '') : '' })
          }}
        />
      )}
      <TextInput
        label={text.name}
        required
        maxLength={120}
        data-autofocus
        value={typed.name}
        onChange={(event) => change({ name: event.currentTarget.value })}
      />
      <TargetField channel={channel} typed={typed} members={settings.members} change={change} />
      <Taken typed={typed} settings={settings} change={change} />
      {typed.kind !== 'webhook' && <QuietHours channel={channel} typed={typed} change={change} />}
    </Dialog>
  )
}

interface FieldsProps {
  readonly typed: Typed
  readonly change: (changes: Partial<Typed>) => void
}

interface TargetFieldProps extends FieldsProps {
  readonly channel: Channel | null
  readonly members: readonly string[]
}

function TargetField({ channel, typed, members, change }: TargetFieldProps) {
  const text = useText(channelsText)
  return typed.kind === 'email' ? (
    <NativeSelect
      label={text.member}
      data={[...members]}
      value={typed.target}
      onChange={(event) => change({ target: event.currentTarget.value })}
    />
  ) : (
    <TextInput
      label={text.targets[typed.kind]}
      description={channel ? text.targetStays(channel.target) : text.targetHints[typed.kind]}
      required={!channel}
      autoComplete="off"
      spellCheck={false}
      maxLength={2048}
      value={typed.target}
      onChange={(event) => change({ target: event.currentTarget.value })}
    />
  )
}

interface TakenProps extends FieldsProps {
  readonly settings: AlertSettings
}

function Taken({ typed, settings, change }: TakenProps) {
  const text = useText(channelsText)
  const words = useText(alertWords)
  const eventName = useEventName()
  const takesAlerts = typed.events.some((type) => type.startsWith('alert.'))
  return (
    <>
      <Checkbox.Group value={[...typed.events]} onChange={(events) => change({ events })}>
        <fieldset className={css.group}>
          <legend>{text.takes}</legend>
          <div className={css.pair}>
            {settings.events.map((type) => (
              <Checkbox key={type} value={type} label={eventName(type)} />
            ))}
          </div>
        </fieldset>
      </Checkbox.Group>
      {takesAlerts && (
        <Checkbox.Group value={[...typed.kinds]} onChange={(kinds) => change({ kinds })}>
          <fieldset className={css.group}>
            <legend>{text.ofKinds}</legend>
            <div className={css.pair}>
              {ALERT_KINDS.map((kind) => (
                <Checkbox key={kind} value={kind} label={words.kinds[kind]} />
              ))}
            </div>
          </fieldset>
        </Checkbox.Group>
      )}
      {settings.sites.length > 0 && (
        <NativeSelect
          label={text.site}
          data={[
            { value: '', label: text.allSites },
            ...settings.sites.map(({ site_id, name }) => ({ value: site_id, label: name })),
          ]}
          value={typed.site}
          onChange={(event) => change({ site: event.currentTarget.value })}
        />
      )}
    </>
  )
}

interface QuietHoursProps extends FieldsProps {
  readonly channel: Channel | null
}

function QuietHours({ channel, typed, change }: QuietHoursProps) {
  const text = useText(channelsText)
  const alerts = useText(alertsText)
  return (
    <fieldset className={css.group}>
      <legend>{text.quiet}</legend>
      <p className={css.hint}>{text.quietWords(channel?.quiet_timezone ?? VIEWER_ZONE)}</p>
      <div className={css.pair}>
        <TimeField
          type="time"
          label={alerts.from}
          required={typed.quietUntil !== ''}
          value={typed.quietFrom}
          onChange={(quietFrom) => change({ quietFrom })}
        />
        <TimeField
          type="time"
          label={alerts.until}
          required={typed.quietFrom !== ''}
          value={typed.quietUntil}
          onChange={(quietUntil) => change({ quietUntil })}
        />
      </div>
    </fieldset>
  )
}
