/** What became of the expected pictures, added up. */
import type { Period } from './trends_answers'

export interface Outcome {
  /** What the schedule said; null without one. */
  readonly expected: number | null
  readonly whole: number
  readonly partial: number
  readonly failed: number
  /** Expected, and nothing of it came. */
  readonly missing: number
  readonly bytes: number
}

export function outcomeOf(periods: readonly Period[]): Outcome {
  let expected: number | null = null
  const sums = { whole: 0, partial: 0, failed: 0, missing: 0, bytes: 0 }
  for (const [, planned, , stored, part, camera, transfer, service, bytes] of periods) {
    const failures = camera + transfer + service
    if (planned !== null) expected = (expected ?? 0) + planned
    sums.whole += stored
    sums.partial += part
    sums.failed += failures
    sums.missing += Math.max((planned ?? 0) - stored - part - failures, 0)
    sums.bytes += bytes
  }
  return { expected, ...sums }
}

/** How much of what was expected came, at most all; null if nothing was. */
export function shareOf({ expected, whole, partial }: Outcome): number | null {
  return expected ? Math.min((whole + partial) / expected, 1) : null
}
