/** What was expected and what came, in numbers: by time, or by site or device. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { lineColour, MOST_LINES } from '@/shared/charts/colours'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { trendsText } from '@/shared/messages/trends'
import { type Outcome, outcomeOf, shareOf } from './outcome'
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
        outcome: outcomeOf([period]),
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
        outcome: outcomeOf(group.periods),
      }))}
    />
  )
}

interface CountsProps {
  readonly first: string
  readonly rows: readonly { readonly key: string; readonly title: ReactNode; readonly outcome: Outcome }[]
}

function Counts({ first, rows }: CountsProps) {
  const text = useText(trendsText)
  const format = useFormat()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section className={css.scroll} tabIndex={0} aria-label={text.theTable}>
      <table>
        <thead>
          <tr>
            <th scope="col">{first}</th>
            <th scope="col">{text.expected}</th>
            <th scope="col">{text.received}</th>
            <th scope="col">{text.share}</th>
            <th scope="col">{text.failed}</th>
            <th scope="col">{text.missing}</th>
            <th scope="col">{text.size}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, title, outcome }) => {
            const share = shareOf(outcome)
            return (
              <tr key={key}>
                <th scope="row">{title}</th>
                <td>{outcome.expected === null ? '–' : format.number(outcome.expected)}</td>
                <td>{format.number(outcome.whole + outcome.partial)}</td>
                <td>{share === null ? '–' : format.percent(share)}</td>
                <td>{format.number(outcome.failed)}</td>
                <td>{format.number(outcome.missing)}</td>
                <td>{format.bytes(outcome.bytes)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}
