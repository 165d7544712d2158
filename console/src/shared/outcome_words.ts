/** What was expected and what came: as a sentence, as columns of a table and of a file. */
import type { ValuesColumn } from './components/values_table'
import type { Column } from './csv'
import { useFormat } from './format'
import { useText } from './messages/define'
import { outcomeText } from './messages/outcome'
import { type Counted, type Outcome, shareOf } from './outcome'

export function useOutcomeSentence(): (outcome: Outcome) => string {
  const text = useText(outcomeText)
  const { number, percent } = useFormat()
  return (outcome) => {
    const share = shareOf(outcome)
    return share === null
      ? text.unplanned(number(outcome.came))
      : text.ofExpected(number(outcome.came), number(outcome.expected ?? 0), percent(share))
  }
}

export function useOutcomeColumns(): readonly ValuesColumn<{ readonly outcome: Outcome }>[] {
  const text = useText(outcomeText)
  const { number, percent } = useFormat()
  const share = (outcome: Outcome) => {
    const came = shareOf(outcome)
    return came === null ? '–' : percent(came)
  }
  return [
    {
      name: text.expected,
      value: ({ outcome: { expected } }) => (expected === null ? '–' : number(expected)),
    },
    { name: text.came, value: ({ outcome }) => number(outcome.came) },
    { name: text.share, value: ({ outcome }) => share(outcome) },
    { name: text.failed, value: ({ outcome }) => number(outcome.failed) },
    { name: text.missing, value: ({ outcome }) => number(outcome.missing) },
  ]
}

const PLACES = { expected: 1, silent: 2, whole: 3, partial: 4, camera: 5, transfer: 6, service: 7 } as const

export function useOutcomeCsv<Row>(countedOf: (row: Row) => Counted): readonly Column<Row>[] {
  const { csv } = useText(outcomeText)
  return (Object.keys(PLACES) as (keyof typeof PLACES)[]).map((name) => ({
    name: csv[name],
    value: (row) => countedOf(row)[PLACES[name]],
  }))
}
