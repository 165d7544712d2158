/** What did not come for the same reason, one wake after the other, told once. */
import type { Gap } from '@/shared/gap_words'

export interface Run<G extends Gap> {
  readonly first: G
  readonly last: G
  readonly count: number
}

/** Those that say the same of themselves, when they follow each other; gaps are given in their order. */
export function runsOf<G extends Gap>(gaps: readonly G[]): readonly Run<G>[] {
  const runs: Run<G>[] = []
  for (const gap of gaps) {
    const before = runs.at(-1)
    if (before && alike(before.first, gap))
      runs[runs.length - 1] = { ...before, last: gap, count: before.count + 1 }
    else runs.push({ first: gap, last: gap, count: 1 })
  }
  return runs
}

function alike(one: Gap, other: Gap): boolean {
  return one.code === other.code && JSON.stringify(one.params) === JSON.stringify(other.params)
}
