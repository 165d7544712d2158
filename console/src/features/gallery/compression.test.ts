import { describe, expect, it } from 'vitest'
import { Compression, MOST } from './compression'

describe('a list that is too high', () => {
  const made = () => {
    const list = new Compression()
    list.resize(MOST * 4, 1000)
    return list
  }

  it('is scrolled in an element that is not', () => {
    expect(made().height).toBe(MOST)
  })

  it('moves by as much as it is scrolled, and jumps to the same share', () => {
    const list = made()
    expect(list.scrolled(300)).toBe(300)
    const half = (MOST - 1000) / 2
    expect(list.scrolled(half)).toBeCloseTo((MOST * 4 - 1000) / 2)
    expect(list.scrolled(half + 100)).toBeCloseTo((MOST * 4 - 1000) / 2 + 100)
  })

  it('is at its ends when the element is', () => {
    const list = made()
    list.scrolled(MOST / 3)
    expect(list.scrolled(MOST - 1000)).toBe(MOST * 4 - 1000)
    expect(list.scrolled(0)).toBe(0)
  })

  it('is where it was told to go', () => {
    const list = made()
    const top = list.jump(1_234_567)
    expect(list.scrolled(top)).toBe(1_234_567)
    expect(list.shift).toBe(top - 1_234_567)
    expect(list.jump(MOST * 9)).toBe(MOST - 1000)
  })
})

it('leaves alone a list that is not', () => {
  const list = new Compression()
  list.resize(5000, 1000)
  expect([list.height, list.scrolled(700), list.shift, list.jump(2000), list.jump(9000)]).toEqual([
    5000, 700, 0, 2000, 4000,
  ])
})
