import { describe, expect, it } from 'vitest'
import { scaleOf, spread } from './scale'

describe('the scale of a chart', () => {
  it.each([
    [[0, 97], true, [0, 50, 100]],
    [[3, 4], false, [3, 3.5, 4]],
    [[-71, -60], false, [-75, -70, -65, -60]],
    [[5], false, [5, 5.5, 6]],
    [[], true, [0, 0.5, 1]],
    [[0.1, 0.3], false, [0.1, 0.15, 0.2, 0.25, 0.3]],
  ])('of %j has round values', (values, fromZero, ticks) => {
    expect(scaleOf(values, fromZero).ticks).toEqual(ticks)
  })

  it('has room for every value', () => {
    const { low, high } = scaleOf([-12.3, 4, 88.8], false)
    expect(low).toBeLessThanOrEqual(-12.3)
    expect(high).toBeGreaterThanOrEqual(88.8)
  })

  it('names only as many times as there is room for', () => {
    expect(spread([1, 2, 3, 4, 5, 6, 7], 300, 100)).toEqual([1, 4, 7])
    expect(spread([1, 2], 1000, 100)).toEqual([1, 2])
    expect(spread([], 1000, 100)).toEqual([])
  })
})
