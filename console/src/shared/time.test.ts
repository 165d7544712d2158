import { describe, expect, it } from 'vitest'
import { makeFormat } from './format'
import { time } from './time'

describe('time', () => {
  it('reads what Supabase Lite writes and what hosted writes alike', () => {
    const moment = new Date('2026-11-27T20:44:33.572Z')
    expect(time('2026-11-27 20:44:33.572+00')).toEqual(moment)
    expect(time('2026-11-27T20:44:33.572+00:00')).toEqual(moment)
    expect(time('2026-11-27T21:44:33.572+01:00')).toEqual(moment)
  })

  it('is null for what is none', () => {
    expect(time(null)).toBeNull()
    expect(time('')).toBeNull()
    expect(time('yesterday')).toBeNull()
  })
})

describe('the format', () => {
  const winter = '2026-11-27 20:44:00+00'

  it("tells times by the viewer's clock, or by that of the site", () => {
    expect(makeFormat('en', 'viewer', 'Europe/Berlin').clock(winter, 'America/Lima')).toBe('21:44')
    expect(makeFormat('en', 'site', 'Europe/Berlin').clock(winter, 'America/Lima')).toBe('15:44')
    expect(makeFormat('en', 'site', 'Europe/Berlin').clock(winter)).toBe('21:44')
  })

  it('takes the clock of the viewer for a zone that nobody knows', () => {
    expect(makeFormat('en', 'site', 'Europe/Berlin').clock(winter, 'Moon/Crater')).toBe('21:44')
  })

  it('tells distances in the words of the language', () => {
    const now = new Date('2026-11-27T22:44:00Z')
    expect(makeFormat('en', 'viewer').distance(winter, now)).toBe('2 hours ago')
    expect(makeFormat('de', 'viewer').distance(winter, now)).toBe('vor 2 Stunden')
    expect(makeFormat('en', 'viewer').distance(null, now)).toBe('–')
  })

  it('takes the unit of bytes that fits', () => {
    const { bytes } = makeFormat('en', 'viewer')
    expect([0, 999, 51_200, 1_540_000, 2.5e12].map(bytes)).toEqual([
      '0 byte',
      '999 byte',
      '51 kB',
      '1.5 MB',
      '2.5 TB',
    ])
  })
})
