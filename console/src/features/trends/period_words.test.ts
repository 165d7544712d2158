import { expect, it } from 'vitest'
import { daysOf } from './period_words'

const RANGE = { from: '2026-01-28', to: '2026-03-10' }

it.each([
  ['2026-01-26', 'week', '2026-01-28', '2026-02-01'],
  ['2026-02-02', 'week', '2026-02-02', '2026-02-08'],
  ['2026-03-09', 'week', '2026-03-09', '2026-03-10'],
  ['2026-01-01', 'month', '2026-01-28', '2026-01-31'],
  ['2026-02-01', 'month', '2026-02-01', '2026-02-28'],
  ['2026-03-01', 'month', '2026-03-01', '2026-03-10'],
  ['2026-03-10', 'day', '2026-03-10', '2026-03-10'],
] as const)('of what begins on %s as a %s those days are counted that are shown', (first, step, from, to) => {
  expect(daysOf(first, step, RANGE)).toEqual({ from, to })
})
