/** What people say of a device: operators change it, others read it. */
import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useAction } from '@/shared/call'
import { ActionError } from '@/shared/components/dialog'
import { Card } from '@/shared/components/page'
import { useMay } from '@/shared/me'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { deviceSettingsText } from '@/shared/messages/device_settings'
import type { Device, DeviceNow } from './device_answers'
import { areTags, changesOf, type Draft, draftOf } from './settings'
import css from './settings_page.module.css'

interface SettingsCardProps {
  readonly device: Device
  readonly sites: DeviceNow['sites']
}

export function SettingsCard({ device, sites }: SettingsCardProps) {
  const text = useText(deviceSettingsText)
  const mayChange = useMay('operator')
  const mayGiveUp = useMay('admin')
  return (
    <Card title={text.about}>
      {mayChange ? <SettingsForm device={device} sites={sites} /> : <Facts device={device} />}
      <p className={css.soft}>
        {text.bounds} <Link to="/alerts/rules">{text.rules}</Link>.
        {mayGiveUp && (
          <>
            {' '}
            {text.handOver} <Link to="/people/devices">{text.giveUp}</Link>.
          </>
        )}
      </p>
    </Card>
  )
}

const ZONES = Intl.supportedValuesOf('timeZone')

function SettingsForm({ device, sites }: SettingsCardProps) {
  const text = useText(deviceSettingsText)
  const common = useText(commonText)
  // The rest follows what others change meanwhile.
  const [typed, setTyped] = useState<Partial<Draft>>({})
  const now = draftOf(device)
  const draft = { ...now, ...typed }
  const save = useAction('update_device', ['console_device', 'console_device_checks', 'console_devices'])
  const changes = changesOf(typed, now)
  const hasChanged = Object.keys(changes).length > 0
  const goodTags = areTags(draft.tags)
  const field = (name: keyof Draft) => ({
    value: draft[name],
    onChange: (event: { readonly currentTarget: { readonly value: string } }) => {
      setTyped({ ...typed, [name]: event.currentTarget.value })
      save.reset()
    },
  })
  const zones = now.timezone === '' || ZONES.includes(now.timezone) ? ZONES : [now.timezone, ...ZONES]
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate({ p_device: device.device_id, p_changes: changes }, { onSuccess: () => setTyped({}) })
      }}
    >
      <TextInput label={text.name} description={text.nameHint} maxLength={120} {...field('name')} />
      <div className={css.pair}>
        <NativeSelect
          label={text.site}
          data={[
            { value: '', label: text.noSite },
            ...sites.map(({ site_id, name }) => ({ value: site_id, label: name })),
          ]}
          {...field('site_id')}
        />
        <NativeSelect
          label={text.zone}
          data={[
            { value: '', label: device.timezone ? text.zoneOfSite : `${text.zoneOfSite}: ${device.zone}` },
            ...zones,
          ]}
          {...field('timezone')}
        />
      </div>
      <TextInput label={text.place} description={text.placeHint} maxLength={255} {...field('location')} />
      <TextInput
        label={text.tags}
        description={text.tagsHint}
        error={goodTags ? undefined : text.badTags}
        {...field('tags')}
      />
      <Textarea label={text.notes} rows={4} maxLength={4000} {...field('notes')} />
      <ActionError error={save.error} />
      <div className={css.buttons}>
        <Button type="submit" disabled={!hasChanged || !goodTags} loading={save.isPending}>
          {common.save}
        </Button>
        {hasChanged && (
          <Button variant="default" onClick={() => setTyped({})}>
            {text.undo}
          </Button>
        )}
        <span role="status">{save.isSuccess && !hasChanged && text.saved}</span>
      </div>
    </form>
  )
}

function Facts({ device }: { readonly device: Device }) {
  const text = useText(deviceSettingsText)
  const facts = [
    [text.name, device.name],
    [text.site, device.site],
    [text.place, device.location],
    [text.zone, device.zone],
    [text.tags, device.tags.join(', ')],
    [text.notes, device.notes],
  ] as const
  return (
    <dl className={css.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value || text.untold}</dd>
        </div>
      ))}
    </dl>
  )
}
