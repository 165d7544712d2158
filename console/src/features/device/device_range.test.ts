import { describe, expect, it } from 'vitest'
import { ownRange, readDevicePageSearch, spanOf } from './device_range'

const now = new Date('2026-11-27T20:42:10Z')

describe('the range in the address', () => {
  it('is a week that ends at the next five minutes, so that it is not asked for with every second', () => {
    expect(spanOf({}, now)).toEqual({
      from: new Date('2026-11-20T20:45:00Z'),
      to: new Date('2026-11-27T20:45:00Z'),
    })
  })

  it("is one's own if both ends can be read", () => {
    const search = readDevicePageSearch({
      from: '2026-11-01T00:00:00Z',
      to: '2026-11-03T00:00:00Z',
      range: '24h',
    })
    expect(spanOf(search, now)).toEqual({
      from: new Date('2026-11-01T00:00:00Z'),
      to: new Date('2026-11-03T00:00:00Z'),
    })
  })

  it.each([
    [{ from: 'yesterday', to: '2026-11-03' }],
    [{ from: '2026-11-03', to: '2026-11-01' }],
    [{ from: '2020-01-01', to: '2026-11-01' }],
    [{ from: '+200000-01-01', to: '+200000-01-02' }],
    [{ from: '-000001-01-01', to: '-000001-01-02' }],
    [{ range: '1000y' }],
  ])('leaves out what cannot be shown: %o', (typed) => {
    expect(readDevicePageSearch(typed)).toEqual({})
  })

  it('is not made of a stretch that is too short to be meant', () => {
    expect(ownRange(now, new Date(now.getTime() + 5_000))).toBeNull()
    expect(ownRange(now, new Date(now.getTime() + 3_600_000))).toEqual({
      from: '2026-11-27T20:42:10Z',
      to: '2026-11-27T21:42:10Z',
    })
  })
})
