import { describe, expect, it } from 'vitest'
import { Haste } from './haste'

/** What it says of a movement of `speed` screens a second, told every `step` ms for `ms`. */
function told(haste: Haste, speed: number, ms: number, from = 0, step = 16): boolean {
  let isFast = false
  for (let at = 0; at <= ms; at += step) isFast = haste.at(from + at, (speed * at) / 1000, 1)
  return isFast
}

describe('haste', () => {
  it('is what shows each picture for less than half a second', () => {
    expect(told(new Haste(), 2.5, 500)).toBe(true)
    expect(told(new Haste(), -2.5, 500)).toBe(true)
    expect(told(new Haste(), 1.5, 500)).toBe(false)
  })

  it('is no jump, however far', () => {
    const haste = new Haste()
    expect(haste.at(0, 0, 800)).toBe(false)
    expect(haste.at(1000, 90_000, 800)).toBe(false)
  })

  it('ends when the movement slows down, and with the next one after a pause', () => {
    const haste = new Haste()
    expect(told(haste, 3, 400)).toBe(true)
    expect(told(haste, 1, 400, 416)).toBe(false)
    expect(told(haste, 3, 400, 832)).toBe(true)
    expect(haste.at(2000, 5, 1)).toBe(false)
  })
})
