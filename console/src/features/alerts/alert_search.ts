import { ALERT_KINDS, type AlertKind } from '@/shared/alert_words'
import { compact, readChoice, readText } from '@/shared/search'

export interface AlertSearch {
  readonly past?: true
  readonly kind?: AlertKind
  /** A site's id. */
  readonly site?: string
  readonly device?: string
}

export function readAlertSearch(search: Record<string, unknown>): AlertSearch {
  const site = readText(search.site)
  return compact({
    past: search.past === true || search.past === 'true' ? (true as const) : undefined,
    kind: readChoice(search.kind, ALERT_KINDS),
    // The database takes nothing else for an id.
    site: site !== undefined && /^[0-9a-f-]{36}$/.test(site) ? site : undefined,
    device: readText(search.device),
  })
}
