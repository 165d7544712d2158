/** What people say of a device: operators change it, others read it. */
import { Button, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useAction } from '@/shared/call'
import { Fact, Facts } from '@/shared/components/facts'
import { Card } from '@/shared/components/page'
import { SaveBar } from '@/shared/components/save_bar'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { deviceSettingsText } from '@/shared/messages/device_settings'
import { Unsaved } from '@/shared/unsaved'
import { zonesWith } from '@/shared/zones'
import type { Device, DeviceNow } from './device_answers'
import { areTags, changesOf, type Draft, draftOf, without } from './settings'
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
      {mayChange ? <SettingsForm device={device} sites={sites} /> : <Said device={device} />}
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

function SettingsForm({ device, sites }: SettingsCardProps) {
  const text = useText(deviceSettingsText)
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
    },
  })
  function submit(event: FormEvent) {
    event.preventDefault()
    save.mutate(
      { p_device: device.device_id, p_changes: changes },
      // What was typed meanwhile stays.
      { onSuccess: () => setTyped((later) => without(later, typed)) },
    )
  }
  return (
    <form className={css.form} onSubmit={submit}>
      <Unsaved isTyped={hasChanged} />
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
            ...zonesWith(now.timezone),
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
      <SaveBar save={save} isReady={hasChanged && goodTags} isSaved={save.isSuccess && !hasChanged}>
        {hasChanged && (
          <Button variant="default" onClick={() => setTyped({})}>
            {text.undo}
          </Button>
        )}
      </SaveBar>
    </form>
  )
}

function Said({ device }: { readonly device: Device }) {
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
    <Facts>
      {facts.map(([name, value]) => (
        <Fact key={name} name={name}>
          {value || text.untold}
        </Fact>
      ))}
    </Facts>
  )
}
