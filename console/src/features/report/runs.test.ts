import { describe, expect, it } from 'vitest'
import type { Gap } from '@/shared/gap_words'
import { runsOf } from './runs'

function gap(hour: number, code: string, params: Gap['params'] = {}): Gap {
  return { at: `2026-11-27T${hour}:00:00Z`, reason: 'offline', code, params, sentence: '' }
}

describe('what did not come', () => {
  it('is told once where wakes follow each other that say the same', () => {
    const last = { last_on: '2026-11-26T10:00:00Z' }
    const runs = runsOf([gap(10, 'silent', last), gap(11, 'silent', last), gap(12, 'silent', last)])
    expect(
      runs.map(({ first, last: end, count }) => [first.at.slice(11, 13), end.at.slice(11, 13), count]),
    ).toEqual([['10', '12', 3]])
  })

  it('is told apart where another hello or another reason came between', () => {
    const runs = runsOf([
      gap(10, 'silent', { last_on: '2026-11-26T10:00:00Z' }),
      gap(11, 'silent', { last_on: '2026-11-27T10:30:00Z' }),
      gap(12, 'camera_failed', { error_code: 1002 }),
      gap(13, 'camera_failed', { error_code: 1003 }),
    ])
    expect(runs.map(({ count }) => count)).toEqual([1, 1, 1, 1])
  })

  it('is nothing of nothing', () => {
    expect(runsOf([])).toEqual([])
  })
})
