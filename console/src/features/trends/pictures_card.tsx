/** How many pictures were expected, and what came of them: together, or by site or device. */

import { lineColour, MOST_LINES } from '@/shared/charts/colours'
import { type Bars, type Line, TimeChart } from '@/shared/charts/time_chart'
import { CsvButton } from '@/shared/components/csv_button'
import { Card } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import type { Column } from '@/shared/csv'
import { useDayWords } from '@/shared/day_words'
import { type DayRange, dayAt, noonOf } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { IconPhotoOff } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { outcomeText } from '@/shared/messages/outcome'
import { trendsText } from '@/shared/messages/trends'
import { outcomeOf } from '@/shared/outcome'
import { useOutcomeCsv, useOutcomeSentence } from '@/shared/outcome_words'
import { GroupsTable, PeriodsTable } from './counts_table'
import { daysOf, usePeriodWords } from './period_words'
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
  const words = useDayWords()
  const sentence = useOutcomeSentence()
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
  return (
    <Card title={text.pictures} aside={<PicturesCsv trends={trends} range={range} step={step} />}>
      <p className={css.lead}>{sentence(outcomeOf(periods))}</p>
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
          step !== 'day' && text.edges,
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
  const { withoutSite } = useText(trendsText)
  const text = useText(outcomeText)
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
    name: name ?? withoutSite,
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
  const counted = { from: trends.since, to: range.to }
  const outcome = useOutcomeCsv<CountRow>(({ period }) => period)
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
    { name: text.first, unit: zones, value: ({ period }) => daysOf(period[0], step, counted).from },
    { name: text.last, unit: zones, value: ({ period }) => daysOf(period[0], step, counted).to },
    ...outcome,
    { name: text.bytes, unit: 'bytes', value: ({ period }) => period[8] },
  ]
  const groups =
    trends.groups.length > 0 ? trends.groups : [{ id: null, name: null, periods: trends.periods }]
  const rows = groups.flatMap((group) => group.periods.map((period) => ({ group, period })))
  return (
    <CsvButton
      of={all.pictures}
      file={`${all.pictures}-${range.from}-${range.to}`.toLowerCase()}
      columns={columns}
      rows={rows}
    />
  )
}
