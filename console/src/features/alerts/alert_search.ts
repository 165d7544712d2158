import { ALERT_KINDS, type AlertKind } from '@/shared/alert_words'
import { compact, readChoice, readDevice, readUuid } from '@/shared/search'

export interface AlertSearch {
  readonly past?: true
  readonly kind?: AlertKind
  /** A site's id. */
  readonly site?: string
  readonly device?: string
}

export function readAlertSearch(search: Record<string, unknown>): AlertSearch {
  return compact({
    past: search.past === true || search.past === 'true' ? (true as const) : undefined,
    kind: readChoice(search.kind, ALERT_KINDS),
    site: readUuid(search.site),
    device: readDevice(search.device),
  })
}
