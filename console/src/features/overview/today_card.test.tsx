import { render } from '@testing-library/react'
import { afterEach, expect, it, vi } from 'vitest'
import { TodayCard } from './today_card'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.useRealTimers()
})

it('tells each day by its own name wherever one is, and marks today alone', () => {
  // West of Greenwich the beginning of a day there is still the day before.
  vi.stubEnv('TZ', 'America/New_York')
  vi.setSystemTime('2026-11-27T17:00:00Z')
  const shown = (...names: readonly string[]) => {
    const days = names.map((day) => ({ day, expected: 4, silent: 0, came: 3, failed: 1 }))
    const { container } = render(<TodayCard days={days} />)
    return [...container.querySelectorAll('li')].map(({ title, dataset }) => [title, dataset.today])
  }
  const yesterday = ['26 Nov 2026: 3 of 4', 'false']
  expect(shown('2026-11-26')).toEqual([yesterday])
  expect(shown('2026-11-26', '2026-11-27')).toEqual([yesterday, ['27 Nov 2026: 3 of 4', 'true']])
})
