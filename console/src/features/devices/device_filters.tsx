import { NativeSelect, TextInput, UnstyledButton } from '@mantine/core'
import { DEVICE_STATES, STATE_ICONS, STATE_TONES } from '@/shared/device_state'
import { IconSearch } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { deviceStatesText } from '@/shared/messages/device_states'
import { devicesText } from '@/shared/messages/devices'
import { useTyped } from '@/shared/typed'
import { type DeviceSearch, SORTS } from './device_search'
import type { DeviceList } from './devices'
import css from './devices.module.css'

interface DeviceFiltersProps {
  readonly list: DeviceList
  readonly search: DeviceSearch
  readonly change: (changes: Partial<Record<keyof DeviceSearch, string | undefined>>) => void
}

export function DeviceFilters({ list, search, change }: DeviceFiltersProps) {
  const text = useText(devicesText)
  const { names } = useText(deviceStatesText)
  const [typed, type] = useTyped(search.search ?? '', (words) => change({ search: words || undefined }))
  const all = DEVICE_STATES.reduce((sum, state) => sum + (list.states[state] ?? 0), 0)
  return (
    <div className={css.filters}>
      <div className={css.fields}>
        <TextInput
          type="search"
          aria-label={text.searchFor}
          placeholder={text.searchFor}
          leftSection={<IconSearch size={16} aria-hidden="true" />}
          className={css.search}
          value={typed}
          onChange={(event) => type(event.currentTarget.value)}
        />
        {list.sites.length > 0 && (
          <NativeSelect
            aria-label={text.site}
            data={[
              { value: '', label: text.allSites },
              ...list.sites.map((site) => ({ value: site.site_id, label: site.name })),
            ]}
            value={search.site ?? ''}
            onChange={(event) => change({ site: event.currentTarget.value || undefined })}
          />
        )}
        {list.tags.length > 0 && (
          <NativeSelect
            aria-label={text.tag}
            data={[
              { value: '', label: text.allTags },
              ...list.tags.map((tag) => ({ value: tag, label: tag })),
            ]}
            value={search.tag ?? ''}
            onChange={(event) => change({ tag: event.currentTarget.value || undefined })}
          />
        )}
        <NativeSelect
          aria-label={text.order}
          data={SORTS.map((sort) => ({ value: sort, label: text.orders[sort] }))}
          value={search.sort ?? 'state'}
          onChange={(event) =>
            change({ sort: event.currentTarget.value === 'state' ? undefined : event.currentTarget.value })
          }
        />
      </div>
      <fieldset className={css.chips} aria-label={text.states}>
        <UnstyledButton
          className={css.chip}
          aria-pressed={!search.state}
          onClick={() => change({ state: undefined })}
        >
          {text.everyState} <span className={css.chipCount}>{all}</span>
        </UnstyledButton>
        {DEVICE_STATES.filter((state) => list.states[state] || search.state === state).map((state) => {
          const Sign = STATE_ICONS[state]
          return (
            <UnstyledButton
              key={state}
              className={css.chip}
              data-tone={STATE_TONES[state]}
              aria-pressed={search.state === state}
              onClick={() => change({ state: search.state === state ? undefined : state })}
            >
              <Sign size={15} stroke={1.9} aria-hidden="true" />
              {names[state]} <span className={css.chipCount}>{list.states[state] ?? 0}</span>
            </UnstyledButton>
          )
        })}
      </fieldset>
    </div>
  )
}
