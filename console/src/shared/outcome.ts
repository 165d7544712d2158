/** What became of the expected pictures, added up over days or longer periods. */

/** How the database tells a day or a period; what follows is for who asked. */
export type Counted = readonly [
  first: string,
  expected: number | null,
  silent: number,
  stored: number,
  partial: number,
  camera: number,
  transfer: number,
  service: number,
  ...more: unknown[],
]

export interface Outcome {
  /** What the schedule said; null without one. */
  readonly expected: number | null
  /** Whole and partial ones. */
  readonly came: number
  readonly whole: number
  readonly partial: number
  /** In the camera, in transfer and in the service. */
  readonly failed: number
  readonly camera: number
  readonly transfer: number
  readonly service: number
  /** Expected, and nothing of it came; those of them at whose time nothing was heard of the device are silent. */
  readonly missing: number
  readonly silent: number
}

export function outcomeOf(days: readonly Counted[]): Outcome {
  let expected: number | null = null
  const sums = { whole: 0, partial: 0, camera: 0, transfer: 0, service: 0, missing: 0, silent: 0 }
  for (const [, planned, silent, whole, partial, camera, transfer, service] of days) {
    if (planned !== null) expected = (expected ?? 0) + planned
    sums.whole += whole
    sums.partial += partial
    sums.camera += camera
    sums.transfer += transfer
    sums.service += service
    sums.missing += Math.max((planned ?? 0) - whole - partial - camera - transfer - service, 0)
    sums.silent += silent
  }
  const { whole, partial, camera, transfer, service } = sums
  return { expected, came: whole + partial, failed: camera + transfer + service, ...sums }
}

/** How much of what was expected came, at most all; null if nothing was. */
export function shareOf({ expected, came }: Outcome): number | null {
  return expected ? Math.min(came / expected, 1) : null
}
