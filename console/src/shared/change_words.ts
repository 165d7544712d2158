/** An entry of the audit log in the viewer's words. */
import { changesText } from './messages/changes'
import { useText } from './messages/define'
import { isUuid } from './search'

export interface Change {
  readonly audit_id: number
  readonly at: string
  readonly actor_email: string | null
  readonly action: string
  readonly table_name: string
  readonly subject: string
  /** {column: [before, after]}, of some actions {what: value}. */
  readonly changes: unknown
}

export interface ChangeWords {
  /** What was done to what. */
  title: (change: Change) => string
  /** Who did it. */
  who: (change: Change) => string
  /** Each column that has changed, but this one: from what to what. */
  details: (change: Change, without?: string) => readonly string[]
}

const CLOCK = /^\d\d:\d\d:00$/

/** `sites` has the names of the company's sites by their ids; without it a site is told by its id. */
export function useChangeWords(sites?: ReadonlyMap<string, string>): ChangeWords {
  const text = useText(changesText)
  const named = (names: Readonly<Record<string, string>>, name: string) => names[name] ?? name

  function value(told: unknown, column: string): string {
    if (told === null || told === undefined || told === '') return text.nothing
    if (typeof told === 'boolean') return told ? text.yes : text.no
    if (Array.isArray(told)) {
      return told.length === 0 ? text.nothing : told.map((one) => value(one, column)).join(', ')
    }
    if (typeof told === 'object') {
      if ('begins' in told) return text.longText(String(told.begins))
      const pairs = Object.entries(told).map(([name, one]) => `${name} ${value(one, name)}`)
      return pairs.length === 0 ? text.nothing : pairs.join(', ')
    }
    if (column === 'site_id' && sites) return sites.get(String(told)) ?? text.otherSite
    return CLOCK.test(String(told)) ? String(told).slice(0, 5) : String(told)
  }

  return {
    title: ({ table_name, action }) => `${named(text.tables, table_name)}: ${named(text.actions, action)}`,
    who: ({ actor_email }) => actor_email ?? text.theService,
    details: ({ action, changes }, without) =>
      Object.entries(typeof changes === 'object' && changes !== null ? changes : {}).flatMap(
        ([column, pair]) => {
          if (column === without) return []
          if (!Array.isArray(pair)) return [`${named(text.columns, column)}: ${value(pair, column)}`]
          const [before, after] = pair.map((one) => value(one, column))
          // Of what was added or deleted there is one side alone.
          const change = action === 'insert' ? after : action === 'delete' ? before : `${before} → ${after}`
          return [`${named(text.columns, column)}: ${change}`]
        },
      ),
  }
}

/** Ids say nothing to people. */
export function subjectOf({ subject }: Change): string | null {
  return isUuid(subject) ? null : subject
}
