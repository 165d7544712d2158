import { render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'
import { ErrorsCard } from './errors_card'

const RANGE = { from: '2025-01-01', to: '2025-01-31' }

it('says that there were none only of a time of which errors are kept', () => {
  const none = { codes: [], since: null }
  const { unmount } = render(<ErrorsCard errors={{ ...none, oldest: null }} range={RANGE} />)
  expect(screen.getByText('No errors')).toBeDefined()
  unmount()
  render(<ErrorsCard errors={{ ...none, oldest: '2026-11-01T12:00:00Z' }} range={RANGE} />)
  expect(screen.queryByText('No errors')).toBeNull()
  expect(screen.getByText('The oldest error that is kept is of 1 Nov 2026.')).toBeDefined()
})
