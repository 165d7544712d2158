/** How many pictures were expected, and what came of them: together, or by site or device. */

import { lineColour, MOST_LINES } from '@/shared/charts/colours'
import { type Bars, type Line, TimeChart } from '@/shared/charts/time_chart'
import { CsvButton } from '@/shared/components/csv_button'
import { Card } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import { type Column, csvOf } from '@/shared/csv'
import { useDayWords } from '@/shared/day_words'
import { type DayRange, dayAt, noonOf } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { IconPhotoOff } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { trendsText } from '@/shared/messages/trends'
import { GroupsTable, PeriodsTable } from './counts_table'
import { outcomeOf, shareOf } from './outcome'
import { lastDay, usePeriodWords } from './period_words'
import css from './trends.module.css'
import type { Group, Period, Trends } from './trends_answers'
import type { By, Step } from './trends_search'

interface PicturesCardProps {
  readonly trends: Trends
  readonly range: DayRange
  readonly step: Step
  readonly by: By
}

export function PicturesCard({ trends, range, step, by }: PicturesCardProps) {
  const text = useText(trendsText)
  const format = useFormat()
  const words = useDayWords()
  const { periods, groups, since, rest } = trends
  if (periods.length === 0) {
    return (
      <Card title={text.pictures}>
        <EmptyState icon={IconPhotoOff} title={text.noPicturesTitle}>
          {text.noPictures}
        </EmptyState>
      </Card>
    )
  }
  const all = outcomeOf(periods)
  const came = format.number(all.whole + all.partial)
  const share = shareOf(all)
  return (
    <Card title={text.pictures} aside={<PicturesCsv trends={trends} range={range} step={step} />}>
      <p className={css.lead}>
        {all.expected === null ? text.came(came) : text.ofExpected(came, format.number(all.expected))}
        {share !== null && ` · ${format.percent(share)}`}
      </p>
      <PicturesChart periods={periods} groups={groups} step={step} />
      {by === 'company' ? (
        <details className={css.more}>
          <summary>{text.theTable}</summary>
          <PeriodsTable periods={periods} step={step} />
        </details>
      ) : (
        <GroupsTable groups={groups} by={by} />
      )}
      <p className={css.note}>
        {[
          since > range.from && text.cut(words.short(since)),
          by !== 'company' && groups.length > 1 && text.worstFirst,
          rest > 0 && text.rest(rest),
        ]
          .filter(Boolean)
          .join(' ')}
      </p>
    </Card>
  )
}

interface PicturesChartProps {
  readonly periods: readonly Period[]
  readonly groups: readonly Group[]
  readonly step: Step
}

/** Bars of all together with what was expected as a line; or what came of each group as a line. */
function PicturesChart({ periods, groups, step }: PicturesChartProps) {
  const text = useText(trendsText)
  const { number } = useFormat()
  const words = usePeriodWords(step)
  const times = periods.map(([first]) => noonOf(first))
  const half = step === 'day' ? 43_200 : step === 'week' ? 302_400 : 1_300_000
  const outcomes = periods.map((period) => outcomeOf([period]))
  const bars: readonly Bars[] = [
    { name: text.whole, colour: 'var(--good-fill)', values: outcomes.map(({ whole }) => whole) },
    { name: text.partial, colour: 'var(--late-fill)', values: outcomes.map(({ partial }) => partial) },
    { name: text.failed, colour: 'var(--bad-fill)', values: outcomes.map(({ failed }) => failed) },
    { name: text.missing, colour: 'var(--line-strong)', values: outcomes.map(({ missing }) => missing) },
  ].filter(({ values }) => values.some((value) => value > 0))
  const expected: Line = {
    name: text.expected,
    colour: 'var(--text-soft)',
    isDashed: true,
    points: periods.flatMap(([first, planned]) =>
      planned === null ? [] : [[noonOf(first), planned] as const],
    ),
  }
  const lines = groups.slice(0, MOST_LINES).map(({ id, name, periods: own }, place) => ({
    id: id ?? '',
    name: name ?? text.withoutSite,
    colour: lineColour(place),
    points: own.map(([first, , , stored, partial]) => [noonOf(first), stored + partial] as const),
  }))
  return (
    <TimeChart
      from={(times[0] ?? 0) - half}
      to={(times.at(-1) ?? 1) + half}
      times={times}
      {...(groups.length > 0 ? { lines } : { bars, lines: expected.points.length > 0 ? [expected] : [] })}
      fromZero
      tick={(at) => words.tick(dayAt(at))}
      when={(at) => words.full(dayAt(at))}
      write={(value) => number(value, 1)}
    />
  )
}

interface CountRow {
  readonly group: Pick<Group, 'id' | 'name'>
  readonly period: Period
}

function PicturesCsv({ trends, range, step }: Pick<PicturesCardProps, 'trends' | 'range' | 'step'>) {
  const all = useText(trendsText)
  const text = all.csv
  const zones =
    trends.zones.length > 1
      ? `${text.ownClock}: ${trends.zones.join(', ')}`
      : (trends.zones[0] ?? text.ownClock)
  const count = (place: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8) => (row: CountRow) => row.period[place]
  const columns: readonly Column<CountRow>[] = [
    ...(trends.groups.length > 0
      ? [
          { name: text.id, value: ({ group }: CountRow) => group.id },
          {
            name: text.name,
            value: ({ group }: CountRow) => group.name ?? (group.id === null ? all.withoutSite : group.id),
          },
        ]
      : []),
    { name: text.first, unit: zones, value: ({ period }) => period[0] },
    { name: text.last, unit: zones, value: ({ period }) => lastDay(period[0], step) },
    { name: text.expected, value: count(1) },
    { name: text.silent, value: count(2) },
    { name: text.whole, value: count(3) },
    { name: text.partial, value: count(4) },
    { name: text.camera, value: count(5) },
    { name: text.transfer, value: count(6) },
    { name: text.service, value: count(7) },
    { name: text.bytes, unit: 'bytes', value: count(8) },
  ]
  const groups =
    trends.groups.length > 0 ? trends.groups : [{ id: null, name: null, periods: trends.periods }]
  const rows = groups.flatMap((group) => group.periods.map((period) => ({ group, period })))
  return (
    <CsvButton
      of={all.pictures}
      file={`${all.pictures}-${range.from}-${range.to}`.toLowerCase()}
      make={() => csvOf(columns, rows)}
    />
  )
}
