import { describe, expect, it } from 'vitest'
import {
  type Bucket,
  bucketAt,
  bucketsOfPlaces,
  inOrder,
  layOut,
  placesOfRow,
  rowOfDay,
  rowOfPlace,
  withOneMore,
} from './buckets'

const MORNING: Bucket = [5000, 5900, '2026-11-27', 5]
const NIGHT: Bucket = [3000, 3900, '2026-11-27', 2]
const BEFORE: Bucket = [1000, 2000, '2026-11-25', 3]
const ALL = [MORNING, NIGHT, BEFORE]

describe('the layout', () => {
  const layout = layOut(ALL, 3)

  it('gives each day a heading and rows', () => {
    expect(layout.sections.map(({ day, count, row, place }) => [day, count, row, place])).toEqual([
      ['2026-11-27', 7, 0, 0],
      ['2026-11-25', 3, 4, 7],
    ])
    expect([layout.rows, layout.pictures]).toEqual([6, 10])
  })

  it('finds the pictures of a row, and the row of a picture', () => {
    expect([0, 1, 2, 3, 4, 5].map((row) => placesOfRow(layout, row))).toEqual([
      [0, 0],
      [0, 3],
      [3, 6],
      [6, 7],
      [0, 0],
      [7, 10],
    ])
    expect([0, 5, 6, 7, 9].map((place) => rowOfPlace(layout, place))).toEqual([1, 2, 3, 5, 5])
  })

  it('finds a day, or the next older one', () => {
    const days = ['2026-12-31', '2026-11-27', '2026-11-26', '2026-11-25', '2020-01-01']
    expect(days.map((day) => rowOfDay(layout, day))).toEqual([0, 0, 4, 4, 4])
  })

  it('finds the buckets of what is seen, and of a moment', () => {
    expect(bucketsOfPlaces(layout, 4, 6).map(({ bucket }) => bucket)).toEqual([MORNING, NIGHT])
    expect(bucketsOfPlaces(layout, 7, 10)).toEqual([{ bucket: BEFORE, place: 7 }])
    expect(bucketAt(layout, 3899)).toEqual({ bucket: NIGHT, place: 5 })
    expect(bucketAt(layout, 3900)).toBeUndefined()
  })

  it('of nothing is nothing', () => {
    const none = layOut([], 3)
    expect([none.rows, placesOfRow(none, 0), rowOfPlace(none, 0), rowOfDay(none, '2026-01-01')]).toEqual([
      0,
      [0, 0],
      0,
      0,
    ])
  })
})

describe('a picture that arrives', () => {
  it('is counted in the bucket that has its moment', () => {
    expect(withOneMore(ALL, 3500, '2026-11-27')[0][1]?.[3]).toBe(3)
  })

  it('makes a bucket where there is none, in its place', () => {
    for (const [seconds, place] of [
      [9000, 0],
      [4600, 1],
      [100, 3],
    ] as const) {
      const [buckets, made] = withOneMore(ALL, seconds, 'a day')
      expect(buckets).toHaveLength(4)
      expect(buckets[place]).toBe(made)
      expect(made[0] <= seconds && seconds < made[1]).toBe(true)
      expect(made.slice(2)).toEqual(['a day', 1])
    }
  })
})

it('orders pictures as the database does', () => {
  const made = (id: string, at: string) => ({ id, at, device: 'a', status: 'stored' }) as const
  const early = made('f', '2026-11-27T08:00:00+00:00')
  const late = made('a', '2026-11-27T10:00:00+01:00')
  const same = made('b', '2026-11-27T09:00:00+00:00')
  expect(inOrder([early, late, same])).toEqual([same, late, early])
})
