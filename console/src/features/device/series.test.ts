import { describe, expect, it } from 'vitest'
import type { AllSeries } from './device_answers'
import { pointsOf, tableOf } from './series'

const none = {
  battery: null, battery_mv: null, rssi: null, heap: null, uptime: null, boots: null,
  temperature: null, humidity: null, pressure: null, gas: null,
} // biome-ignore format: a table of nothing

function series(at: number[], more: Partial<AllSeries>): AllSeries {
  return { ...none, ...more, at }
}

describe('the points of a chart', () => {
  it('are those of its own series: what the others say at other times breaks no line', () => {
    const all = series([0, 5, 10, 15, 20], { temperature: [1, null, 2, null, 3] })
    expect(pointsOf(all, 'temperature')).toEqual([
      [0, 10, 20],
      [1, 2, 3],
    ])
  })

  it('leave a gap where nothing was measured for long', () => {
    const all = series([0, 10, 20, 100, 110], { rssi: [-60, -61, -62, -63, -64] })
    expect(pointsOf(all, 'rssi')).toEqual([
      [0, 10, 20, 60, 100, 110],
      [-60, -61, -62, null, -63, -64],
    ])
  })

  it('are none of a series that is not there', () => {
    expect(pointsOf(series([1, 2], {}), 'gas')).toEqual([[], []])
  })
})

describe('the table', () => {
  it('has the means of equal stretches, and none that is empty', () => {
    const all = series([0, 5, 239], { temperature: [10, 20, 30], rssi: [null, null, -70] })
    expect(tableOf(all, ['temperature', 'rssi'], 0, 240)).toEqual([
      { at: 0, means: [15, null] },
      { at: 230, means: [30, -70] },
    ])
  })
})
