/** Tables as files that a spreadsheet of the viewer's language opens. */
import type { Language } from './settings'

type Cell = string | number | null

export interface Column<Row> {
  readonly name: string
  /** Stands behind the name; of a time the zone that it is told by. */
  readonly unit?: string | undefined
  readonly value: (row: Row) => Cell
}

/** What a spreadsheet would work out: names come from whoever may name a device. */
const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/

/** A German spreadsheet reads 3.5 as the third of May, and a line with commas as one cell. */
const SIGNS: Readonly<Record<Language, { readonly separator: string; readonly decimal: string }>> = {
  en: { separator: ',', decimal: '.' },
  de: { separator: ';', decimal: ',' },
}

function written(cell: Cell, decimal: string): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell).replace('.', decimal)
  const safe = FORMULA.test(cell) ? `'${cell}` : cell
  return /[",;\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** A line for each row below one of names (RFC 4180); what would be a formula is text. */
export function csvOf<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  language: Language,
): string {
  const { separator, decimal } = SIGNS[language]
  const head = columns.map(({ name, unit }) => (unit ? `${name} (${unit})` : name))
  const lines = [head, ...rows.map((row) => columns.map(({ value }) => value(row)))]
  return lines.map((cells) => `${cells.map((cell) => written(cell, decimal)).join(separator)}\r\n`).join('')
}

/** Hands a file to the browser, which saves it. */
export function save(name: string, csv: string): void {
  // Without the mark at the beginning, Excel does not read UTF-8.
  const address = URL.createObjectURL(new Blob(['\uFEFF', csv], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address))
}
