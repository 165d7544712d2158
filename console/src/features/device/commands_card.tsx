/** What the device is told to do, and what became of it. */
import { Button } from '@mantine/core'
import { useAction } from '@/shared/call'
import { type CommandState, isOpen, useQueue } from '@/shared/commands'
import { ActionError } from '@/shared/components/action_error'
import { Fate } from '@/shared/components/fate'
import { Card } from '@/shared/components/page'
import { Picture } from '@/shared/components/picture'
import { EmptyState } from '@/shared/components/states'
import { When } from '@/shared/components/when'
import { IconCamera, IconSend } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import css from './commands_card.module.css'
import type { Command, Device } from './device_answers'
import { FewFirst } from './few_first'

interface CommandsCardProps {
  readonly device: Device
  readonly commands: readonly Command[]
}

export function CommandsCard({ device, commands }: CommandsCardProps) {
  const text = useText(deviceText).commands
  const may = useMay('operator')
  const queue = useQueue()
  const cancel = useAction('cancel_command', ['console_device'])
  const failed = queue.error ?? cancel.error
  return (
    <Card
      title={text.title}
      aside={
        may && (
          <Button
            leftSection={<IconCamera size={16} aria-hidden="true" />}
            loading={queue.isPending}
            onClick={() => queue.mutate([{ device_id: device.device_id, type: 'capture_image' }])}
          >
            {text.takePicture}
          </Button>
        )
      }
    >
      <ActionError error={failed} />
      {commands.length === 0 ? (
        <EmptyState icon={IconSend} title={text.noneTitle}>
          {may ? text.none : text.noneViewer}
        </EmptyState>
      ) : (
        <FewFirst items={commands} className={css.list}>
          {(command) => (
            <li key={command.command_id}>
              <Track status={command.status} pictured={command.capture_id !== null} />
              <div className={css.words}>
                <strong>
                  {command.type === 'send_image'
                    ? text.sendImage(command.payload.image_name ?? '')
                    : text.types[command.type]}
                </strong>
                <span>
                  <Fate
                    command={command}
                    hasPicture={command.type === 'capture_image' || command.type === 'send_image'}
                    nextWake={device.next_wake_at}
                    siteZone={device.zone}
                  />
                </span>
                <small>
                  {command.by ? text.by(command.by) : text.byService}{' '}
                  <When at={command.created_at} siteZone={device.zone} />
                </small>
              </div>
              {command.thumbnail && (
                <span className={css.thumbnail}>
                  <Picture path={command.thumbnail} alt={text.itsPicture} />
                </span>
              )}
              {may && isOpen(command) && (
                <Button
                  variant="default"
                  size="xs"
                  loading={cancel.isPending && cancel.variables?.p_command === command.command_id}
                  onClick={() => cancel.mutate({ p_command: command.command_id })}
                >
                  {text.cancel}
                </Button>
              )}
            </li>
          )}
        </FewFirst>
      )}
    </Card>
  )
}

const STEPS: Readonly<Record<CommandState, number>> = {
  queued: 1,
  sent: 2,
  done: 3,
  failed: 3,
  expired: 1,
  cancelled: 1,
}
const ENDED_BADLY: readonly CommandState[] = ['failed', 'expired', 'cancelled']

/** How far it has got: queued, sent, done. The words beside it say the same. */
function Track({ status, pictured }: { readonly status: CommandState; readonly pictured: boolean }) {
  const reached = pictured && status === 'failed' ? 3 : STEPS[status]
  return (
    <span className={css.track} data-tone={ENDED_BADLY.includes(status) ? 'bad' : status} aria-hidden="true">
      {[1, 2, 3].map((step) => (
        <i key={step} data-reached={step <= reached} />
      ))}
    </span>
  )
}
