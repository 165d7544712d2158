import { Alert, Button, CloseButton, NativeSelect } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { asUser, call } from '@/shared/call'
import { useErrorWords } from '@/shared/components/states'
import { IconCamera } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { devicesText } from '@/shared/messages/devices'
import { database } from '@/shared/supabase'
import type { Site } from './devices'
import css from './devices.module.css'

const NO_SITE = 'none'

interface BulkBarProps {
  readonly chosen: readonly string[]
  readonly sites: readonly Site[]
  readonly done: () => void
}

/** What can be done with all selected devices at once. */
export function BulkBar({ chosen, sites, done }: BulkBarProps) {
  const text = useText(devicesText)
  const words = useErrorWords()
  const client = useQueryClient()
  const [told, setTold] = useState<string | null>(null)
  const refresh = () => client.invalidateQueries({ queryKey: ['console_devices'] })
  const takePictures = useMutation({
    mutationFn: () =>
      asUser(() =>
        database
          .from('device_commands')
          .insert(chosen.map((device_id) => ({ device_id, type: 'capture_image' })))
          .select('command_id'),
      ),
    onSuccess: () => setTold(text.queued(chosen.length)),
    onSettled: refresh,
  })
  const move = useMutation({
    mutationFn: (site: string) =>
      call('update_devices', {
        p_devices: [...chosen],
        p_changes: { site_id: site === NO_SITE ? null : site },
      }),
    onSuccess: () => setTold(text.moved(chosen.length)),
    onSettled: refresh,
  })
  const error = takePictures.error ?? move.error
  return (
    <section className={css.bulk} aria-label={text.selected(chosen.length)}>
      <strong>{text.selected(chosen.length)}</strong>
      <Button
        leftSection={<IconCamera size={16} aria-hidden="true" />}
        loading={takePictures.isPending}
        onClick={() => takePictures.mutate()}
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
          disabled={move.isPending}
          onChange={(event) => event.currentTarget.value && move.mutate(event.currentTarget.value)}
        />
      )}
      <CloseButton aria-label={text.unselect} onClick={done} />
      {error ? (
        <Alert color="red" role="alert" className={css.bulkWords}>
          {words(error)}
        </Alert>
      ) : (
        told && (
          <p role="status" className={css.bulkWords}>
            {told}
          </p>
        )
      )}
    </section>
  )
}
