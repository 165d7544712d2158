import { renderHook } from '@testing-library/react'
import { expect, it } from 'vitest'
import type { Messages } from './messages/define'
import { pictureHealthText } from './messages/picture_health'
import { serviceTroubleText } from './messages/service_troubles'
import { useRetold } from './retold'
import { changeSettings } from './settings'

type Sentences = Messages<Readonly<Record<string, string>>>

function retold(language: 'en' | 'de', all: Sentences, told: string, zone?: string): string {
  changeSettings({ language, clock: zone ? 'site' : 'viewer' })
  return renderHook(() => useRetold(all, zone)).result.current(told)
}

it.each([
  ['picture_health', pictureHealthText as Sentences],
  ['service_troubles', serviceTroubleText as Sentences],
] as const)('every sentence of %s is known again, with its values in their order', (_, all) => {
  for (const [name, english] of Object.entries(all.en)) {
    let place = 0
    const told = english.replaceAll('%s', () => `v${++place}`)
    let other = 0
    const own = (all.de[name] ?? '').replaceAll('%s', () => `v${++other}`)
    expect(retold('en', all, told)).toBe(told)
    expect(retold('de', all, told)).toBe(own)
    expect(own).not.toBe(told)
    expect(other).toBe(place)
  }
})

it('writes numbers and times as the viewer does', () => {
  const blurred = 'Blurred: its sharpness is 1.2e+06, nine in ten have 2500 or more at this time of day.'
  expect(retold('de', pictureHealthText, blurred)).toBe(
    'Unscharf: Die Schärfe ist 1.200.000, neun von zehn Bildern dieser Tageszeit haben 2.500 oder mehr.',
  )
  const frozen = 'The same picture as that of 2026-11-27 12:00:05 UTC: the camera repeats it.'
  expect(retold('en', pictureHealthText, frozen, 'Asia/Tokyo')).toMatch(/that of 27 Nov,? 21:00/)
  expect(retold('de', pictureHealthText, frozen, 'Asia/Tokyo')).toMatch(/das von 27\. Nov\.,? 21:00/)
})

it('tells what it does not know as it was told', () => {
  expect(retold('de', pictureHealthText, 'Upside down.')).toBe('Upside down.')
})
