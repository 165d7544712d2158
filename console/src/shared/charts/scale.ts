/** Where the axis of a chart begins and ends, and the round values that it names. */

export interface Scale {
  readonly low: number
  readonly high: number
  readonly ticks: readonly number[]
}

const ROUND = [1, 2, 5, 10] as const

/** A scale with some four round values that has room for all of these; of nothing, from 0 to 1. */
export function scaleOf(values: readonly number[], fromZero: boolean): Scale {
  const known = values.filter(Number.isFinite)
  let low = known.length > 0 ? known.reduce((least, value) => Math.min(least, value)) : 0
  let high = known.length > 0 ? known.reduce((most, value) => Math.max(most, value)) : 1
  if (fromZero) low = Math.min(low, 0)
  if (low === high) high = low + 1
  const rough = (high - low) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * (ROUND.find((round) => round * power >= rough) ?? 10)
  const first = Math.floor(low / step)
  const last = Math.ceil(high / step)
  const ticks = Array.from({ length: last - first + 1 }, (_, place) =>
    // Not 0.30000000000000004.
    Number(((first + place) * step).toPrecision(12)),
  )
  return { low: ticks[0] ?? low, high: ticks.at(-1) ?? high, ticks }
}

/** Every so many-th of these, so that each has the room that it needs. */
export function spread<Item>(items: readonly Item[], room: number, needed: number): readonly Item[] {
  const most = Math.max(1, Math.floor(room / needed))
  const each = Math.ceil(items.length / most)
  return items.filter((_, place) => place % each === 0)
}
