import { expect, it } from 'vitest'
import { isZone, zonesWith } from './zones'

it('offers the zones that the browser knows, UTC, and the one that is chosen', () => {
  expect(zonesWith('')).toContain('Europe/Berlin')
  expect(zonesWith('').filter((zone) => zone === 'UTC')).toHaveLength(1)
  expect(zonesWith('Moon/Crater')[0]).toBe('Moon/Crater')
  expect(zonesWith('Europe/Berlin').filter((zone) => zone === 'Europe/Berlin')).toHaveLength(1)
})

it('knows which zones the browser can tell', () => {
  expect(isZone('Europe/Berlin')).toBe(true)
  expect(isZone('Moon/Crater')).toBe(false)
})
