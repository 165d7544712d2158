import { renderHook } from '@testing-library/react'
import { expect, it } from 'vitest'
import { useDates } from './dates'

it('tells a time of a schedule by the clock of its zone, by that of the viewer where the browser does not know it', () => {
  const { full } = renderHook(() => useDates()).result.current
  const at = new Date('2026-11-27T20:44:00Z')
  expect(full(at, 'America/Lima')).toContain('15:44')
  expect(full(at, 'Moon/Crater')).toBe(full(at, Intl.DateTimeFormat().resolvedOptions().timeZone))
})
