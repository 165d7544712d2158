export type Signal = 'strong' | 'fair' | 'weak' | 'poor'

/** A received power in dBm, as a word: below -80 dBm chunks are lost by the dozen. */
export function signalOf(dbm: number): Signal {
  if (dbm >= -60) return 'strong'
  if (dbm >= -70) return 'fair'
  return dbm >= -80 ? 'weak' : 'poor'
}
