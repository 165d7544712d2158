import { describe, expect, it } from 'vitest'
import { type Counted, outcomeOf, shareOf } from './outcome'

const day = (expected: number | null, whole: number, partial = 0, failed = 0): Counted => [
  '2026-11-27',
  expected,
  0,
  whole,
  partial,
  failed,
  0,
  0,
]

describe('what became of the expected pictures', () => {
  it('is added up, and what came beyond one day makes good for no other', () => {
    const { expected, came, failed, missing } = outcomeOf([day(8, 10), day(8, 3, 1, 2)])
    expect({ expected, came, failed, missing }).toEqual({ expected: 16, came: 14, failed: 2, missing: 2 })
  })

  it('is no share of nothing', () => {
    expect(shareOf(outcomeOf([day(null, 3)]))).toBeNull()
    expect(shareOf(outcomeOf([day(0, 3)]))).toBeNull()
    expect(shareOf(outcomeOf([day(4, 5)]))).toBe(1)
    expect(outcomeOf([]).expected).toBeNull()
  })
})
