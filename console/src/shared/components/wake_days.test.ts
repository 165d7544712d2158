import { describe, expect, it } from 'vitest'
import { blocks, DAYS, toneOf, totals } from './wake_days'

describe('a day of a device', () => {
  it('is good if all came, late if some did not, bad if none did', () => {
    expect(toneOf([0, 8, 0, 8, 0])).toBe('var(--good-fill)')
    expect(toneOf([0, 8, 1, 7, 0])).toBe('var(--late-fill)')
    expect(toneOf([0, 8, 0, 7, 1])).toBe('var(--late-fill)')
    expect(toneOf([0, 8, 8, 0, 0])).toBe('var(--bad-fill)')
    expect(toneOf([0, 8, 0, 0, 8])).toBe('var(--bad-fill)')
  })

  it('is blank if nothing was expected and nothing came', () => {
    expect(toneOf(undefined)).toBe('var(--line)')
    expect(toneOf([0, null, 0, 0, 0])).toBe('var(--line)')
    expect(toneOf([0, 0, 0, 0, 0])).toBe('var(--line)')
    expect(toneOf([0, null, 0, 3, 0])).toBe('var(--good-fill)')
  })
})

describe('the bar', () => {
  it('has a block for each day, today at the right', () => {
    const drawn = blocks([[0, 8, 8, 0, 0]])
    expect(drawn.match(/var\(--line\)/g)).toHaveLength(DAYS - 1)
    expect(drawn.lastIndexOf('--bad')).toBeGreaterThan(drawn.lastIndexOf('--line'))
  })

  it('adds up what was expected and what came', () => {
    expect(
      totals([
        [0, 8, 1, 7, 0],
        [1, null, 0, 3, 1],
      ]),
    ).toEqual({ expected: 12, came: 11 })
  })
})
