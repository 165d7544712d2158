/** What the blocks of a wake bar show. */
import type { DayCounts } from '@/shared/device_state'

export const DAYS = 14
const GAP = 0.22

/** The colour of a day: all came, some did not, none did, or nothing was expected and nothing came. */
export function toneOf(counts: DayCounts | undefined): string {
  if (!counts) return 'var(--line)'
  const [, expected, silent, came, failed] = counts
  const wakes = expected ?? came + failed
  if (wakes === 0 && came + failed === 0) return 'var(--line)'
  if (came === 0) return 'var(--bad-fill)'
  return silent + failed > 0 ? 'var(--late-fill)' : 'var(--good-fill)'
}

/** A gradient with a block for each day, today at the right. */
export function blocks(days: readonly DayCounts[]): string {
  const stops = Array.from({ length: DAYS }, (_, place) => {
    const colour = toneOf(days.find(([ago]) => ago === DAYS - 1 - place))
    const from = (place / DAYS) * 100
    const to = ((place + 1 - GAP) / DAYS) * 100
    const end = ((place + 1) / DAYS) * 100
    return `${colour} ${from.toFixed(2)}% ${to.toFixed(2)}%, transparent ${to.toFixed(2)}% ${end.toFixed(2)}%`
  })
  return `linear-gradient(to right, ${stops.join(', ')})`
}

/** How many wakes were expected on these days, and how many came; without a schedule those that came were expected. */
export function totals(days: readonly DayCounts[]): { came: number; expected: number } {
  let came = 0
  let expected = 0
  for (const [, planned, silent, pictured, failed] of days) {
    const wakes = planned ?? pictured + failed
    expected += wakes
    came += Math.max(wakes - silent, 0)
  }
  return { came, expected }
}
