/** The values of a chart as a table: a row for each of its names or times. */
import type { ReactNode } from 'react'
import css from './values_table.module.css'

export interface ValuesColumn<Row> {
  readonly name: string
  readonly value: (row: Row) => string
}

interface ValuesTableProps<Row> {
  readonly label: string
  /** What its rows are. */
  readonly first: string
  readonly columns: readonly ValuesColumn<Row>[]
  readonly rows: readonly Row[]
  /** The last row is the sum of the others. */
  readonly hasSum?: boolean
}

export function ValuesTable<Row extends { readonly key: string; readonly title: ReactNode }>({
  label,
  first,
  columns,
  rows,
  hasSum = false,
}: ValuesTableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section className={css.scroll} tabIndex={0} aria-label={label}>
      <table className={css.values} data-sum={hasSum}>
        <thead>
          <tr>
            <th scope="col">{first}</th>
            {columns.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key}>
              <th scope="row">{row.title}</th>
              {columns.map(({ name, value }) => (
                <td key={name}>{value(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
