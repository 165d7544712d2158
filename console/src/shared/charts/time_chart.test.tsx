import { render } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { type Line, TimeChart } from './time_chart'

const plain = { tick: String, when: String, write: String }

describe('a chart', () => {
  it('shows devices apart that have the same name', () => {
    const complaints = vi.spyOn(console, 'error')
    const lines: Line[] = ['A', 'B'].map((id) => ({
      id,
      name: 'North',
      colour: 'red',
      points: [
        [0, 1],
        [9, 2],
      ],
    }))
    const { container } = render(<TimeChart {...plain} from={0} to={9} times={[0, 9]} lines={lines} />)
    expect(container.querySelectorAll('li')).toHaveLength(2)
    expect(container.querySelectorAll('svg path')).toHaveLength(2)
    expect(complaints).not.toHaveBeenCalled()
  })

  it('has bars beside each other also where the first days are far apart', () => {
    const days = [0, 50, 51, 52]
    const bars = [{ name: 'came', colour: 'green', values: [3, 1, 2, 3] }]
    const { container } = render(<TimeChart {...plain} from={0} to={60} times={days} bars={bars} />)
    const drawn = [...container.querySelectorAll('rect')].map((bar) =>
      ['x', 'width'].map((name) => Number(bar.getAttribute(name))),
    )
    expect(drawn).toHaveLength(4)
    drawn.slice(1).forEach(([left = 0], place) => {
      const [before = 0, width = 0] = drawn[place] ?? []
      expect(before + width).toBeLessThanOrEqual(left)
    })
  })

  it('breaks a line and a band where nothing was measured', () => {
    const times = [0, 1, 2, 30, 31]
    const lines = [{ name: 'North', colour: 'red', points: times.map((at) => [at, at] as const) }]
    const band = { name: 'range', points: times.map((at) => [at, at - 1, at + 1] as const) }
    const axis = { ...plain, from: 0, to: 31, times: [0, 31] }
    const { container } = render(<TimeChart {...axis} lines={lines} />)
    expect(container.querySelectorAll('svg path')).toHaveLength(2)
    const { container: both } = render(<TimeChart {...axis} lines={lines} band={band} />)
    expect(both.querySelectorAll('svg path')).toHaveLength(4)
  })
})
