import { describe, expect, it } from 'vitest'
import { readDevice, readDevices, readText, readUuid } from './search'

describe('a text in an address', () => {
  it('is what was typed, a number too', () => {
    expect(readText('north')).toBe('north')
    expect(readText(12)).toBe('12')
  })
  it.each(['', null, ['north'], 'a\0', 'a\ud800'])('is none that the database refuses: %j', (typed) => {
    expect(readText(typed)).toBeUndefined()
  })
})

describe('an id in an address', () => {
  it('is one of the form that the database has', () => {
    const id = '0f8fad5b-d9cb-469f-a165-70867728950e'
    expect(readUuid(id)).toBe(id)
    expect(readUuid(id.replaceAll('-', ''))).toBeUndefined()
    expect(readUuid('-'.repeat(36))).toBeUndefined()
  })
  it('of a device has letters, digits and two signs', () => {
    expect(readDevice('A1_b-2')).toBe('A1_b-2')
    expect(readDevice(12)).toBe('12')
    expect(readDevice('A B')).toBeUndefined()
    expect(readDevice('A'.repeat(65))).toBeUndefined()
  })
  it('of several devices each once, without what is none', () => {
    expect(readDevices('A,B,,A,C D', 8)).toEqual(['A', 'B'])
    expect(readDevices('A,B,C', 2)).toEqual(['A', 'B'])
    expect(readDevices(12, 8)).toEqual(['12'])
  })
})
