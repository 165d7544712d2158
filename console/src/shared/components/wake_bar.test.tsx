import { MantineProvider } from '@mantine/core'
import { fireEvent, render } from '@testing-library/react'
import { afterEach, expect, it, vi } from 'vitest'
import { WakeBar } from './wake_bar'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.useRealTimers()
})

it('names the day under the pointer also where one has 23 hours', () => {
  vi.stubEnv('TZ', 'Europe/Berlin')
  // A quarter past midnight of the day after the clocks went forward: 24 hours ago it was Saturday.
  vi.setSystemTime('2026-03-29T22:15:00Z')
  const { container } = render(
    <MantineProvider>
      <WakeBar days={[[1, 4, 0, 4, 0]]} />
    </MantineProvider>,
  )
  const bar = container.querySelector('span')
  if (!bar) throw new Error('there is no bar')
  bar.getBoundingClientRect = () => new DOMRect(0, 0, 140, 20)
  fireEvent.mouseMove(bar, { clientX: 125 })
  expect(bar.title).toContain('29 Mar 2026')
})
