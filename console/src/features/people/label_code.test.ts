import { expect, test } from 'vitest'
import { codeIn } from './label_code'

test('a code alone, or at the end of a link', () => {
  expect(codeIn(' 0123456789ABCDEF ')).toBe('0123456789ABCDEF')
  expect(codeIn('https://app.example/claim#code=0123456789ABCDEF')).toBe('0123456789ABCDEF')
  expect(codeIn('https://app.example/claim#other=1')).toBe('')
})

test('what is no label is cut', () => {
  expect(codeIn('x'.repeat(1000))).toHaveLength(64)
})
