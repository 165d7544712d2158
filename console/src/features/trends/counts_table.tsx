/** What was expected and what came, in numbers: by time, or by site or device. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { lineColour, MOST_LINES } from '@/shared/charts/colours'
import { ValuesTable } from '@/shared/components/values_table'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { trendsText } from '@/shared/messages/trends'
import { outcomeOf } from '@/shared/outcome'
import { useOutcomeColumns } from '@/shared/outcome_words'
import { usePeriodWords } from './period_words'
import css from './trends.module.css'
import type { Group, Period } from './trends_answers'
import type { By, Step } from './trends_search'

export function PeriodsTable({
  periods,
  step,
}: {
  readonly periods: readonly Period[]
  readonly step: Step
}) {
  const text = useText(trendsText)
  const words = usePeriodWords(step)
  return (
    <Counts
      first={text.period}
      rows={periods.toReversed().map((period) => ({
        key: period[0],
        title: words.full(period[0]),
        periods: [period],
      }))}
    />
  )
}

export function GroupsTable({ groups, by }: { readonly groups: readonly Group[]; readonly by: By }) {
  const text = useText(trendsText)
  const title = ({ id, name }: Group, place: number) => (
    <span className={css.named}>
      {place < MOST_LINES && <i style={{ background: lineColour(place) }} aria-hidden="true" />}
      {by === 'device' && id !== null ? (
        <Link to="/devices/$deviceId" params={{ deviceId: id }}>
          {name ?? id}
        </Link>
      ) : (
        (name ?? text.withoutSite)
      )}
    </span>
  )
  return (
    <Counts
      first={text.name}
      rows={groups.map((group, place) => ({
        key: group.id ?? '',
        title: title(group, place),
        periods: group.periods,
      }))}
    />
  )
}

interface CountsProps {
  readonly first: string
  readonly rows: readonly {
    readonly key: string
    readonly title: ReactNode
    readonly periods: readonly Period[]
  }[]
}

function Counts({ first, rows }: CountsProps) {
  const text = useText(trendsText)
  const format = useFormat()
  const columns = useOutcomeColumns()
  return (
    <ValuesTable
      label={text.theTable}
      first={first}
      columns={[
        ...columns,
        {
          name: text.size,
          value: ({ periods }: CountsProps['rows'][number]) =>
            format.bytes(periods.reduce((sum, period) => sum + period[8], 0)),
        },
      ]}
      rows={rows.map((row) => ({ ...row, outcome: outcomeOf(row.periods) }))}
    />
  )
}
