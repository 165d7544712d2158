/** Commands: what a device is told to do when it wakes next. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { asUser } from './call'
import { database } from './supabase'

export const COMMAND_STATES = ['queued', 'sent', 'done', 'failed', 'expired', 'cancelled'] as const
export type CommandState = (typeof COMMAND_STATES)[number]

/** What became of a command. */
export interface CommandFate {
  readonly status: CommandState
  readonly reason: string | null
  readonly sent_at: string | null
  readonly finished_at: string | null
  /** When the picture was taken that came of it. */
  readonly pictured_at: string | null
}

export type NewCommand =
  | { readonly type: 'capture_image' }
  | { readonly type: 'send_image'; readonly image_name: string }
export type Queued = NewCommand & { readonly device_id: string }

/** Queues commands: each goes out when its device wakes next. */
export function useQueue() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (commands: readonly Queued[]) =>
      asUser(() =>
        database
          .from('device_commands')
          .insert(commands.map(({ device_id, type, ...payload }) => ({ device_id, type, payload }))),
      ),
    onSettled: () =>
      Promise.all(
        ['console_device', 'console_devices', 'console_picture', 'console_pictures'].map((key) =>
          client.invalidateQueries({ queryKey: [key] }),
        ),
      ),
  })
}

export function isOpen({ status }: { readonly status: CommandState }): boolean {
  return status === 'queued' || status === 'sent'
}

/** Of 1000 to 1999 the device has told that it has no such picture: there is nothing to ask for. */
export function canBeAskedFor(errorCode: number | null | undefined): boolean {
  return typeof errorCode !== 'number' || errorCode < 1000 || errorCode >= 2000
}
