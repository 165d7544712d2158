/** Asks a device for a picture again, and tells what became of that. */
import { Button } from '@mantine/core'
import { type CommandFate, isOpen, useQueue } from '@/shared/commands'
import { ActionError } from '@/shared/components/action_error'
import { Fate } from '@/shared/components/fate'
import { IconRefresh } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { commandsText } from '@/shared/messages/commands'
import { useText } from '@/shared/messages/define'
import { isAskable } from './askable'
import type { Picture } from './buckets'
import css from './details.module.css'

export interface Ask extends CommandFate {
  readonly command_id: string
  readonly created_at: string
}

interface AskAgainProps {
  readonly picture: Picture & {
    readonly name: string
    readonly timezone: string
    readonly asks: readonly Ask[]
    readonly next_wake_at: string | null
  }
}

export function AskAgain({ picture }: AskAgainProps) {
  const text = useText(commandsText)
  const queue = useQueue()
  const mayAsk = useMay('operator')
  const { asks, device, name, next_wake_at, timezone } = picture
  if (asks.length === 0 && !(mayAsk && isAskable(picture))) return null
  return (
    <section className={css.asks}>
      {asks.length > 0 && <h3>{text.asked}</h3>}
      {asks.map((ask) => (
        <p key={ask.command_id} role="status">
          <Fate command={ask} hasPicture nextWake={next_wake_at} siteZone={timezone} />
        </p>
      ))}
      <ActionError error={queue.error} />
      {mayAsk && isAskable(picture) && !asks.some(isOpen) && (
        <Button
          variant="default"
          leftSection={<IconRefresh size={16} aria-hidden="true" />}
          loading={queue.isPending}
          onClick={() => queue.mutate([{ device_id: device, type: 'send_image', image_name: name }])}
        >
          {text.askAgain}
        </Button>
      )}
    </section>
  )
}
