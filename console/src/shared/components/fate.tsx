/** What became of a command, or will: queued, sent, the picture it made, or why it ended without. */
import type { CommandFate } from '@/shared/commands'
import { commandsText } from '@/shared/messages/commands'
import { useText } from '@/shared/messages/define'
import { When } from './when'

interface FateProps {
  readonly command: CommandFate
  /** Its end is a picture. */
  readonly hasPicture: boolean
  /** Of its device. */
  readonly nextWake: string | null
  readonly siteZone: string
}

export function Fate({ command, hasPicture, nextWake, siteZone }: FateProps) {
  const text = useText(commandsText)
  const { status, reason, sent_at, finished_at, pictured_at } = command
  if (status === 'queued') {
    return nextWake === null ? (
      text.queued
    ) : (
      <>
        {text.queuedUntil} <When at={nextWake} siteZone={siteZone} />
      </>
    )
  }
  if (status === 'sent') {
    return (
      <>
        {text.sent} <When at={sent_at} siteZone={siteZone} />
        {hasPicture ? text.pictureAwaited : ''}
      </>
    )
  }
  if (status === 'done') {
    return pictured_at ? (
      <>
        {text.pictured} <When at={pictured_at} siteZone={siteZone} exact />
      </>
    ) : (
      <>
        {text.done} <When at={finished_at} siteZone={siteZone} />
      </>
    )
  }
  return (
    <>
      {text[status]} <When at={finished_at} siteZone={siteZone} />
      {status === 'failed' && reason ? `: ${reason}` : ''}
    </>
  )
}
