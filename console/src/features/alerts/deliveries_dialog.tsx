/** What went to a channel, the latest first; admins let it have the events of the last day again. */
import { Button, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import { useAction, useCall } from '@/shared/call'
import { ActionError } from '@/shared/components/action_error'
import { Mark } from '@/shared/components/mark'
import { Overlay } from '@/shared/components/overlay'
import { Row, Rows } from '@/shared/components/rows'
import { Blocks, Loaded } from '@/shared/components/states'
import { When } from '@/shared/components/when'
import { useMay } from '@/shared/me'
import { channelsText } from '@/shared/messages/channels'
import { useText } from '@/shared/messages/define'
import type { Channel, Delivery } from './alert_answers'
import css from './alerts.module.css'
import { useEventName } from './channel_words'

const STATES = ['all', 'waiting', 'sent', 'dead'] as const
const TONES = { waiting: 'late', sent: 'good', dead: 'bad' } as const

export function DeliveriesDialog({
  channel,
  close,
}: {
  readonly channel: Channel
  readonly close: () => void
}) {
  const text = useText(channelsText)
  const mayReplay = useMay('admin') && channel.enabled
  const [state, setState] = useState<(typeof STATES)[number]>('all')
  const replay = useAction('replay_events', ['channel_deliveries'])
  const deliveries = useCall(
    'channel_deliveries',
    { p_channel: channel.channel_id, p_state: state === 'all' ? null : state },
    { every: 3_000 },
  )
  return (
    <Overlay title={text.deliveriesOf(channel.name)} size="lg" close={close}>
      <div className={css.stack}>
        <SegmentedControl
          fullWidth
          aria-label={text.state}
          data={STATES.map((name) => ({ value: name, label: text.deliveryStates[name] }))}
          value={state}
          onChange={(value) => setState(STATES.find((name) => name === value) ?? 'all')}
        />
        <Loaded query={deliveries} loading={<Blocks count={3} height="3rem" />}>
          {(found) =>
            found.length === 0 ? (
              <p className={css.hint}>{text.noDelivery}</p>
            ) : (
              <Rows label={text.deliveries}>
                {found.map((delivery) => (
                  <DeliveryRow key={`${delivery.event_id} ${delivery.since}`} delivery={delivery} />
                ))}
              </Rows>
            )
          }
        </Loaded>
        {mayReplay && (
          <>
            <p className={css.hint}>{text.replayWords}</p>
            <Button
              variant="default"
              loading={replay.isPending}
              onClick={() =>
                replay.mutate({
                  p_channel: channel.channel_id,
                  p_since: new Date(Date.now() - 86_400_000).toISOString(),
                })
              }
            >
              {replay.isSuccess ? text.replayed(replay.data.events) : text.replay}
            </Button>
            <ActionError error={replay.error} />
          </>
        )}
      </div>
    </Overlay>
  )
}

function DeliveryRow({ delivery }: { readonly delivery: Delivery }) {
  const text = useText(channelsText)
  const eventName = useEventName()
  return (
    <Row
      title={eventName(delivery.type)}
      mark={<Mark tone={TONES[delivery.state]}>{text.deliveryStates[delivery.state]}</Mark>}
    >
      <When at={delivery.finished_at ?? delivery.since} />
      {delivery.device_id && ` · ${delivery.device_id}`}
      {delivery.attempts > 1 && ` · ${text.attempts(delivery.attempts)}`}
      {delivery.last_error && ` · ${delivery.last_error}`}
    </Row>
  )
}
