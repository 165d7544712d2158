import type { UseQueryResult } from '@tanstack/react-query'
import { render } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { outcomeOf } from '@/shared/outcome'
import type { ReportDevice, ReportGap } from './report_answers'
import { WhyNot } from './why_not'

const DEVICE: ReportDevice = {
  device_id: 'ONE',
  name: null,
  site: null,
  location: null,
  zone: 'UTC',
  days: [],
  pictures: [],
}
const GAP: ReportGap = {
  device_id: 'ONE',
  at: '2026-11-27T11:00:00Z',
  reason: 'transfer',
  code: 'not_kept',
  params: {},
  sentence: '',
}

function show(partial: number, missing: number, gaps: readonly ReportGap[]): string {
  const expected = 1 + partial + missing
  const { container, unmount } = render(
    <WhyNot
      device={DEVICE}
      outcome={outcomeOf([['2026-11-27', expected, 0, 1, partial, 0, 0, 0]])}
      gaps={{ data: gaps, isError: false } as unknown as UseQueryResult<readonly ReportGap[], Error>}
      most={2}
      heading="h3"
    />,
  )
  const told = container.textContent ?? ''
  unmount()
  return told
}

describe('what did not come', () => {
  it('is nothing where all came whole', () => {
    expect(show(0, 0, [])).toBe('All that was expected came.')
  })

  it('is also what came in part', () => {
    expect(show(1, 0, [GAP])).toContain('1 came in part')
  })

  it('is cut short only where as many are told as there is room for', () => {
    expect(show(0, 5, [GAP])).not.toContain('The oldest')
    expect(show(0, 5, [GAP, { ...GAP, at: '2026-11-27T12:00:00Z' }])).toContain('The oldest 2 are told')
  })
})
