import { describe, expect, it } from 'vitest'
import { areTags, changesOf, type Draft, without } from './settings'

const NOW: Draft = {
  name: 'North bed',
  site_id: 'a',
  location: '',
  timezone: 'Europe/Berlin',
  tags: 'roses, south',
  notes: '',
}

describe('what has changed', () => {
  it('is nothing at first', () => {
    expect(changesOf({}, NOW)).toEqual({})
  })
  it('is nothing where the same was typed again', () => {
    expect(changesOf({ name: 'North bed ', tags: 'roses,south', notes: ' ' }, NOW)).toEqual({})
  })
  it('is told alone', () => {
    expect(changesOf({ location: ' by the door ' }, NOW)).toEqual({ location: 'by the door' })
  })
  it('is null where a text was emptied', () => {
    expect(changesOf({ site_id: '', timezone: '', name: '  ' }, NOW)).toEqual({
      name: null,
      site_id: null,
      timezone: null,
    })
  })
  it('has each tag once, and none that is empty', () => {
    expect(changesOf({ tags: 'roses,, west ,roses,' }, NOW)).toEqual({
      tags: ['roses', 'west'],
    })
    expect(changesOf({ tags: '' }, NOW)).toEqual({ tags: [] })
  })
})

describe('what was typed while the rest was saved', () => {
  it('is what differs from that', () => {
    expect(without({ name: 'North', notes: 'wet', tags: 'roses' }, { name: 'North', notes: 'we' })).toEqual({
      notes: 'wet',
      tags: 'roses',
    })
  })
})

describe('tags', () => {
  it('are twenty at most, of 40 characters', () => {
    const many = Array.from({ length: 21 }, (_, number) => `tag ${number}`)
    expect(areTags(many.slice(1).join(','))).toBe(true)
    expect(areTags(many.join(','))).toBe(false)
    expect(areTags('x'.repeat(40))).toBe(true)
    expect(areTags('x'.repeat(41))).toBe(false)
  })
})
