/** What came over weeks and months, what was measured, what went wrong, and how storage grows. */
import { NativeSelect, SegmentedControl } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { useCall } from '@/shared/call'
import { DayRangeField } from '@/shared/components/day_range_field'
import { Page } from '@/shared/components/page'
import { SiteOrDevices } from '@/shared/components/site_or_devices'
import { Blocks, Loaded } from '@/shared/components/states'
import { daysBetween } from '@/shared/days'
import { useText } from '@/shared/messages/define'
import { trendsText } from '@/shared/messages/trends'
import { compact, readDevices } from '@/shared/search'
import { VIEWER_ZONE } from '@/shared/zones'
import { ErrorsCard } from './errors_card'
import { PicturesCard } from './pictures_card'
import { SensorsCard } from './sensors_card'
import { StorageCard } from './storage_card'
import css from './trends.module.css'
import type { Trends } from './trends_answers'
import {
  BY,
  LONGEST_DAYS,
  MOST_DEVICES,
  RANGES,
  rangeOf,
  STEPS,
  stepOf,
  type TrendsSearch,
} from './trends_search'

const route = getRouteApi('/shell/trends')

export function TrendsPage() {
  const text = useText(trendsText)
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const range = rangeOf(search)
  const step = stepOf(search, daysBetween(range.from, range.to) + 1)
  const { by = 'company', sensor = 'temperature' } = search
  const devices = readDevices(search.devices, MOST_DEVICES)
  const asked = compact({
    p_from: range.from,
    p_to: range.to,
    p_site: search.site,
    p_devices: devices.length > 0 ? [...devices] : undefined,
  }) as { p_from: string; p_to: string }
  const trends = useCall('console_trends', { ...asked, p_step: step, p_by: by }, { every: 60_000 })
  const sensors = useCall(
    'console_trend_sensor',
    { ...asked, p_sensor: sensor, p_zone: VIEWER_ZONE },
    { every: 60_000 },
  )
  const change = (changes: { readonly [Name in keyof TrendsSearch]?: TrendsSearch[Name] | undefined }) =>
    void navigate({ search: (before) => compact({ ...before, ...changes }) as TrendsSearch })

  return (
    <Page title={text.title}>
      <Choices search={search} trends={trends.data} devices={devices} onChange={change} />
      <div className={css.cards}>
        <Loaded query={trends} loading={<Blocks count={1} height="24rem" />}>
          {(answer) => <PicturesCard trends={answer} range={range} step={step} by={by} />}
        </Loaded>
        <Loaded query={sensors} loading={<Blocks count={1} height="22rem" />}>
          {(answer) => (
            <SensorsCard
              trend={answer}
              sensor={sensor}
              range={range}
              isOwnChoice={devices.length > 0}
              onChange={(chosen) => change({ sensor: chosen === 'temperature' ? undefined : chosen })}
            />
          )}
        </Loaded>
        <Loaded query={trends} loading={<Blocks count={2} height="18rem" />}>
          {(answer) => (
            <>
              <ErrorsCard errors={answer.errors} range={range} />
              <StorageCard storage={answer.storage} />
            </>
          )}
        </Loaded>
      </div>
    </Page>
  )
}

interface ChoicesProps {
  readonly search: TrendsSearch
  /** Nothing while it is loaded. */
  readonly trends: Trends | undefined
  readonly devices: readonly string[]
  readonly onChange: (
    changes: { readonly [Name in keyof TrendsSearch]?: TrendsSearch[Name] | undefined },
  ) => void
}

function Choices({ search, trends, devices, onChange }: ChoicesProps) {
  const text = useText(trendsText)
  const range = rangeOf(search)
  const isOwn = search.from !== undefined
  return (
    <search className={css.choices} aria-label={text.choices}>
      <SegmentedControl
        aria-label={text.range}
        data={[
          ...RANGES.map((one) => ({ value: one as string, label: text.ranges[one] })),
          ...(isOwn ? [{ value: 'own', label: text.own }] : []),
        ]}
        value={isOwn ? 'own' : (search.range ?? '30d')}
        onChange={(chosen) => {
          const found = RANGES.find((one) => one === chosen)
          if (found) onChange({ range: found === '30d' ? undefined : found, from: undefined, to: undefined })
        }}
      />
      <DayRangeField
        range={range}
        longest={LONGEST_DAYS}
        onChange={(days) => onChange({ ...days, range: undefined })}
      />
      <NativeSelect
        aria-label={text.step}
        data={STEPS.map((step) => ({ value: step, label: text.steps[step] }))}
        value={stepOf(search, daysBetween(range.from, range.to) + 1)}
        onChange={(event) => onChange({ step: STEPS.find((step) => step === event.currentTarget.value) })}
      />
      <NativeSelect
        aria-label={text.by}
        data={BY.map((by) => ({ value: by, label: text.bys[by] }))}
        value={search.by ?? 'company'}
        onChange={(event) => {
          const by = BY.find((one) => one === event.currentTarget.value)
          onChange({ by: by === 'company' ? undefined : by })
        }}
      />
      <SiteOrDevices
        site={search.site}
        devices={devices}
        most={MOST_DEVICES}
        noSite={text.everySite}
        known={trends}
        onChange={onChange}
      />
    </search>
  )
}
