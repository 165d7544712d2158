import { expect, test } from 'vitest'
import type { Bucket } from './buckets'
import { bucketsOfDays, daysOf, thinned, weekBefore } from './film_range'

const BUCKETS: readonly Bucket[] = [
  [400, 500, '2026-11-20', 3],
  [300, 400, '2026-11-20', 400],
  [200, 300, '2026-11-19', 2],
  [100, 200, '2026-11-10', 7],
]

test('the buckets of some days are found with the places of their pictures', () => {
  expect(bucketsOfDays(BUCKETS, daysOf('2026-11-11_2026-11-20'))).toEqual([
    { bucket: BUCKETS[0], place: 0 },
    { bucket: BUCKETS[1], place: 3 },
    { bucket: BUCKETS[2], place: 403 },
  ])
  expect(bucketsOfDays(BUCKETS, daysOf('2026-11-10_2026-11-10'))).toEqual([
    { bucket: BUCKETS[3], place: 405 },
  ])
  expect(bucketsOfDays(BUCKETS, daysOf('2026-11-20_2026-11-01'))).toEqual([])
})

test('of too many pictures as many as there may be are taken, from the first on', () => {
  const many = Array.from({ length: 2_500 }, (_, n) => n)
  const taken = thinned(many, 1000)
  expect(taken).toHaveLength(1000)
  expect(new Set(taken).size).toBe(1000)
  expect(taken[0]).toBe(0)
  expect(taken.at(-1)).toBeGreaterThan(2_490)
  expect(thinned([1, 2], 1000)).toEqual([1, 2])
})

test('a film begins with the week up to the day that is shown', () => {
  expect(weekBefore(BUCKETS, '2026-03-03')).toBe('2026-02-25_2026-03-03')
  expect(weekBefore(BUCKETS, undefined)).toBe('2026-11-14_2026-11-20')
})
