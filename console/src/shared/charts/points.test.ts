import { describe, expect, it } from 'vitest'
import { nearest, stretches } from './points'

describe('what is nearest', () => {
  it.each([
    [-5, 0],
    [14, 0],
    [16, 1],
    [99, 2],
  ])('to %i is at %i', (at, place) => {
    expect(nearest([10, 20, 30], at)).toBe(place)
  })

  it('is nothing where there is nothing', () => {
    expect(nearest([], 5)).toBe(-1)
  })
})

describe('stretches of points', () => {
  it('end where nothing was measured for several times the usual distance', () => {
    const points = [0, 10, 20, 100, 110].map((at) => [at, at] as const)
    expect(stretches(points).map((stretch) => stretch.map(([at]) => at))).toEqual([
      [0, 10, 20],
      [100, 110],
    ])
  })

  it('are none of no points', () => {
    expect(stretches([])).toEqual([])
  })
})
