import { Button, CloseButton, NativeSelect } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useAction } from '@/shared/call'
import { useQueue } from '@/shared/commands'
import { ActionError } from '@/shared/components/action_error'
import type { Site } from '@/shared/components/scope'
import { IconCamera } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { devicesText } from '@/shared/messages/devices'
import css from './devices.module.css'

const NO_SITE = 'none'

interface BulkBarProps {
  readonly chosen: readonly string[]
  readonly sites: readonly Site[]
  readonly done: () => void
}

interface Wanted {
  readonly act: () => Promise<unknown>
  /** What is told when it is done. */
  readonly words: string
}

/** What can be done with all selected devices at once. */
export function BulkBar({ chosen, sites, done }: BulkBarProps) {
  const text = useText(devicesText)
  const queue = useQueue()
  const update = useAction('update_devices', ['console_devices'])
  // One at a time: what is told is what became of the last.
  const action = useMutation({
    mutationFn: async ({ act, words }: Wanted) => {
      await act()
      return words
    },
    networkMode: 'always',
  })
  const takePictures = () =>
    action.mutate({
      act: () => queue.mutateAsync(chosen.map((device_id) => ({ device_id, type: 'capture_image' }))),
      words: text.queued(chosen.length),
    })
  const moveTo = (site: string) =>
    action.mutate({
      act: () =>
        update.mutateAsync({
          p_devices: [...chosen],
          p_changes: { site_id: site === NO_SITE ? null : site },
        }),
      words: text.moved(chosen.length),
    })
  return (
    <section className={css.bulk} aria-label={text.selected(chosen.length)}>
      <strong>{text.selected(chosen.length)}</strong>
      <Button
        leftSection={<IconCamera size={16} aria-hidden="true" />}
        loading={queue.isPending}
        disabled={action.isPending}
        onClick={takePictures}
      >
        {text.takePictures}
      </Button>
      {sites.length > 0 && (
        <NativeSelect
          aria-label={text.moveTo}
          data={[
            { value: '', label: text.moveTo },
            ...sites.map((site) => ({ value: site.site_id, label: site.name })),
            { value: NO_SITE, label: text.noSite },
          ]}
          value=""
          disabled={action.isPending}
          onChange={(event) => event.currentTarget.value && moveTo(event.currentTarget.value)}
        />
      )}
      <CloseButton aria-label={text.unselect} onClick={done} />
      {(action.isError || action.isSuccess) && (
        <div className={css.bulkWords}>
          <ActionError error={action.error} />
          {action.isSuccess && <p role="status">{action.data}</p>}
        </div>
      )}
    </section>
  )
}
