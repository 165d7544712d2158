/** What of the pictures is shown; each choice stands in the address. */
import { Button } from '@mantine/core'
import { type Ref, useState } from 'react'
import { IconFilterOff, IconSearch } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import { useTyped } from '@/shared/typed'
import css from './filters.module.css'
import { type GallerySearch, HEALTHS, HOURS, STATUSES } from './gallery_search'
import type { Device, Site } from './use_gallery'

interface FiltersProps {
  readonly search: GallerySearch
  readonly devices: readonly Device[]
  readonly sites: readonly Site[]
  readonly field: Ref<HTMLInputElement>
  readonly onChange: (changes: Partial<Record<keyof GallerySearch, string | undefined>>) => void
}

const NONE = {
  site: undefined,
  device: undefined,
  search: undefined,
  status: undefined,
  health: undefined,
  hours: undefined,
}

export function isFiltered(search: GallerySearch): boolean {
  return Object.keys(NONE).some((name) => search[name as keyof typeof NONE] !== undefined)
}

export function Filters({ search, devices, sites, field, onChange }: FiltersProps) {
  const text = useText(galleryText)
  const here = search.site ? devices.filter(({ site_id }) => site_id === search.site) : devices
  const hours: readonly string[] = HOURS
  return (
    <search className={css.filters} aria-label={text.filters}>
      <Words
        value={search.search ?? ''}
        field={field}
        onChange={(words) => onChange({ search: words || undefined })}
      />
      {sites.length > 0 && (
        <Choice
          label={text.site}
          value={search.site}
          choices={[['', text.everySite], ...sites.map(({ site_id, name }) => [site_id, name] as const)]}
          onChange={(site) => onChange({ site, device: undefined })}
        />
      )}
      <Choice
        label={text.device}
        value={search.device}
        choices={[
          ['', text.everyDevice],
          ...here.map(({ device_id, name }) => [device_id, name ?? device_id] as const),
          // One that the company has no more, and whose pictures are here.
          ...(search.device && !here.some(({ device_id }) => device_id === search.device)
            ? [[search.device, search.device] as const]
            : []),
        ]}
        onChange={(device) => onChange({ device })}
      />
      <Choice
        label={text.status}
        value={search.status}
        choices={[['', text.statuses.pictures], ...STATUSES.map((one) => [one, text.statuses[one]] as const)]}
        onChange={(status) => onChange({ status })}
      />
      <Choice
        label={text.health}
        value={search.health}
        choices={[['', text.everyHealth], ...HEALTHS.map((one) => [one, text.healths[one]] as const)]}
        onChange={(health) => onChange({ health })}
      />
      <Choice
        label={text.hours}
        value={search.hours}
        choices={[
          ['', text.everyHour],
          ...HOURS.map((one) => [one, text.parts[one]] as const),
          ...(search.hours && !hours.includes(search.hours)
            ? [[search.hours, text.hoursOf(search.hours)] as const]
            : []),
        ]}
        onChange={(chosen) => onChange({ hours: chosen })}
      />
      {isFiltered(search) && (
        <Button
          variant="subtle"
          size="xs"
          leftSection={<IconFilterOff size={16} aria-hidden="true" />}
          onClick={() => onChange(NONE)}
        >
          {text.clear}
        </Button>
      )}
    </search>
  )
}

interface ChoiceProps {
  readonly label: string
  readonly value: string | undefined
  readonly choices: readonly (readonly [value: string, label: string])[]
  readonly onChange: (value: string | undefined) => void
}

/** A longer list is made when it is opened: a thousand devices would be two thirds of the page. */
const MOST_UNOPENED = 100

function Choice({ label, value = '', choices, onChange }: ChoiceProps) {
  const [opened, setOpened] = useState(false)
  const whole = opened || choices.length <= MOST_UNOPENED
  const offered = whole ? choices : choices.filter(([one]) => one === '' || one === value)
  return (
    <select
      aria-label={label}
      className={css.field}
      data-chosen={value !== ''}
      value={value}
      onPointerDown={() => setOpened(true)}
      onFocus={() => setOpened(true)}
      onBlur={() => setOpened(false)}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    >
      {offered.map(([one, words]) => (
        <option key={one} value={one}>
          {words}
        </option>
      ))}
    </select>
  )
}

interface WordsProps {
  readonly value: string
  readonly field: Ref<HTMLInputElement>
  readonly onChange: (words: string) => void
}

function Words({ value, field, onChange }: WordsProps) {
  const text = useText(galleryText)
  const [typed, type] = useTyped(value, onChange)
  return (
    <span className={css.words}>
      <IconSearch size={14} aria-hidden="true" />
      <input
        ref={field}
        type="search"
        className={css.field}
        aria-label={text.search}
        placeholder={text.search}
        value={typed}
        onChange={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
      />
    </span>
  )
}
