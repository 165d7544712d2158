import { render } from '@testing-library/react'
import { afterEach, expect, it, vi } from 'vitest'
import { When } from './when'

afterEach(() => {
  vi.useRealTimers()
})

it('is told from the present also if for long no time was shown', () => {
  const start = Date.now()
  const heard = new Date(start).toISOString()
  const first = render(<When at={heard} />)
  first.unmount()
  vi.setSystemTime(start + 10 * 60_000)
  expect(render(<When at={heard} />).container.textContent).toBe('10 minutes ago')
})
