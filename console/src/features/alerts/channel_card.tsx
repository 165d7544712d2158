/** A channel: where it goes, what it takes, how it fares, and what admins do with it. */
import { Button } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useAction } from '@/shared/call'
import { ActionError } from '@/shared/components/action_error'
import { Dialog } from '@/shared/components/dialog'
import { Fact, Facts } from '@/shared/components/facts'
import { Mark } from '@/shared/components/mark'
import { Card } from '@/shared/components/page'
import { ToolBar } from '@/shared/components/tool_bar'
import { When } from '@/shared/components/when'
import { IconSend } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { channelsText } from '@/shared/messages/channels'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { type AlertSettings, type Channel, SETTINGS } from './alert_answers'
import css from './alerts.module.css'
import { ChannelDialog } from './channel_dialog'
import { useTaken } from './channel_words'

interface ChannelCardProps {
  readonly channel: Channel
  readonly settings: AlertSettings
  readonly showSecret: (secret: string) => void
}

const TONES = { untried: 'rest', ok: 'good', failing: 'late', dead: 'bad' } as const

export function ChannelCard({ channel, settings, showSecret }: ChannelCardProps) {
  const text = useText(channelsText)
  const common = useText(commonText)
  const taken = useTaken()
  const mayChange = useMay('admin')
  return (
    <Card
      title={channel.name}
      aside={
        channel.enabled ? (
          <Mark tone={TONES[channel.state]}>{text.states[channel.state]}</Mark>
        ) : (
          <Mark tone="rest">{text.off}</Mark>
        )
      }
    >
      <Facts beside>
        <Fact name={text.kinds[channel.kind]}>{channel.target}</Fact>
        <Fact name={text.takes}>
          {taken(channel)}
          {channel.site_name && ` · ${channel.site_name}`}
        </Fact>
        {channel.quiet_from && (
          <Fact name={text.quiet}>
            {channel.quiet_from.slice(0, 5)} – {channel.quiet_until?.slice(0, 5)} ({channel.quiet_timezone})
          </Fact>
        )}
        <Fact name={text.lastOk}>{channel.last_ok_at ? <When at={channel.last_ok_at} /> : common.never}</Fact>
        {channel.last_error && (
          <Fact name={text.lastError}>
            <When at={channel.last_error_at} />: {channel.last_error}
          </Fact>
        )}
        {channel.dropped > 0 && <Fact name={text.dropped}>{channel.dropped}</Fact>}
      </Facts>
      <div className={css.actions}>
        <ToolBar>
          {mayChange && <AdminActions channel={channel} settings={settings} showSecret={showSecret} />}
          <Button
            variant="subtle"
            renderRoot={(props) => (
              <Link to="/alerts/channels" search={{ deliveries: channel.channel_id }} {...props} />
            )}
          >
            {text.deliveries}
          </Button>
        </ToolBar>
      </div>
    </Card>
  )
}

function AdminActions({ channel, settings, showSecret }: ChannelCardProps) {
  const text = useText(channelsText)
  const navigate = useNavigate()
  const test = useAction('test_channel', ['channel_deliveries'])
  const update = useAction('update_channel', SETTINGS)
  const remove = useAction('delete_channel', SETTINGS)
  const rotate = useAction('rotate_channel_secret', SETTINGS)
  const [asked, setAsked] = useState<'change' | 'delete' | 'rotate' | null>(null)
  const close = () => setAsked(null)
  const p_channel = channel.channel_id
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconSend size={16} aria-hidden="true" />}
        disabled={!channel.enabled}
        loading={test.isPending}
        onClick={() =>
          test.mutate(
            { p_channel },
            {
              onSuccess: () =>
                void navigate({ to: '/alerts/channels', search: { deliveries: channel.channel_id } }),
            },
          )
        }
      >
        {text.test}
      </Button>
      <Button variant="default" onClick={() => setAsked('change')}>
        {text.change}
      </Button>
      <Button
        variant="subtle"
        loading={update.isPending}
        onClick={() => update.mutate({ p_channel, p_changes: { enabled: !channel.enabled } })}
      >
        {channel.enabled ? text.turnOff : text.turnOn}
      </Button>
      {channel.kind === 'webhook' && (
        <Button variant="subtle" onClick={() => setAsked('rotate')}>
          {text.rotate}
        </Button>
      )}
      <Button variant="subtle" color="red" onClick={() => setAsked('delete')}>
        {text.remove}
      </Button>
      <ActionError error={test.error ?? update.error} />
      {asked === 'change' && (
        <ChannelDialog channel={channel} settings={settings} showSecret={showSecret} close={close} />
      )}
      {asked === 'rotate' && (
        <Dialog
          title={text.rotate}
          button={text.rotate}
          act={async () => showSecret(await rotate.mutateAsync({ p_channel }))}
          close={close}
        >
          <p>{text.rotateWords(channel.name)}</p>
        </Dialog>
      )}
      {asked === 'delete' && (
        <Dialog
          title={text.remove}
          button={text.remove}
          isGrave
          act={() => remove.mutateAsync({ p_channel })}
          close={close}
        >
          <p>{text.removeWords(channel.name)}</p>
        </Dialog>
      )}
    </>
  )
}
