import { useFormat } from '@/shared/format'
import { commandsText } from '@/shared/messages/commands'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import type { Picture } from './buckets'

/** What is to be known of a picture before looking closer, in a word or two; nothing if all is well. */
export function useLabel(): (picture: Picture) => string | undefined {
  const text = useText(galleryText)
  const commands = useText(commandsText)
  const format = useFormat()
  return ({ status, health, share, asked }) => {
    if (status === 'stored') return health && text.healths[health as keyof typeof text.healths]
    const label = share === undefined ? text.labels[status] : text.partialShare(format.percent(share))
    return asked ? `${label} · ${commands.asked}` : label
  }
}
