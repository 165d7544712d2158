import { expect, test } from 'vitest'
import { fileNames } from './file_names'

const NOON = new Date('2026-11-20T11:00:00Z')

test('a file has the name of its device and the time by the clock that is shown', () => {
  expect(fileNames()('North bed', NOON, 'Europe/Berlin')).toBe('North bed 2026-11-20 12.00.00.jpg')
  expect(fileNames()('North bed', new Date('2026-11-20T23:30:05Z'), 'UTC')).toBe(
    'North bed 2026-11-20 23.30.05.jpg',
  )
})

test('no two files have the same name, on systems that do not tell large letters from small ones either', () => {
  const name = fileNames()
  expect(name('Bed', NOON, 'UTC')).toBe('Bed 2026-11-20 11.00.00.jpg')
  expect(name('bed', NOON, 'UTC')).toBe('bed 2026-11-20 11.00.00 (2).jpg')
  expect(name('Bed', NOON, 'UTC')).toBe('Bed 2026-11-20 11.00.00 (3).jpg')
})

test('a device may have any name, and its file stays in its folder', () => {
  expect(fileNames()('../../etc', NOON, 'UTC')).toBe('_.._etc 2026-11-20 11.00.00.jpg')
  expect(fileNames()('a\\b:c\n*?', NOON, 'UTC')).toBe('a_b_c_ 2026-11-20 11.00.00.jpg')
  expect(fileNames()('...', NOON, 'UTC')).toBe('_ 2026-11-20 11.00.00.jpg')
})
