import { act, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useTyped } from './typed'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function search(value: string) {
  const told = vi.fn()
  const hook = renderHook(({ known }) => useTyped(known, told), { initialProps: { known: value } })
  return {
    told,
    typed: () => hook.result.current[0],
    type: (words: string) => act(() => hook.result.current[1](words)),
    rest: () => act(() => vi.runAllTimers()),
    /** The address says so by now. */
    arrive: (known: string) => hook.rerender({ known }),
  }
}

it('counts a moment after it was typed, without its spaces', () => {
  const { told, type, rest, arrive, typed } = search('')
  type('north ')
  expect(told).not.toHaveBeenCalled()
  rest()
  expect(told.mock.calls).toEqual([['north']])
  arrive('north')
  expect(typed()).toBe('north ')
})

it('stays when what was told before arrives later than the next letter', () => {
  const { told, type, rest, arrive, typed } = search('')
  type('no')
  rest()
  type('nor')
  arrive('no')
  expect(typed()).toBe('nor')
  rest()
  type('nort')
  rest()
  arrive('nor')
  expect(typed()).toBe('nort')
  arrive('nort')
  expect(typed()).toBe('nort')
  expect(told.mock.calls).toEqual([['no'], ['nor'], ['nort']])
})

it('is replaced by what is chosen elsewhere, also if it was typed before', () => {
  const { told, type, rest, arrive, typed } = search('')
  type('north')
  rest()
  arrive('north')
  arrive('')
  expect(typed()).toBe('')
  arrive('north')
  expect(typed()).toBe('north')
  rest()
  expect(told.mock.calls).toEqual([['north']])
})
