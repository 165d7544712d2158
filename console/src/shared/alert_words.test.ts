import { renderHook } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { ALERT_KINDS, type AlertKind, type FoundAlert, useAlertSentence } from './alert_words'
import { alertWords } from './messages/alert_words'
import { changeSettings } from './settings'

const AT = '2026-11-27T11:00:00Z'

/** What the database notes of each kind (084_alert_conditions.sql), and the words for it in both languages. */
const FOUND = {
  offline: [
    { last_seen_at: AT, due_at: AT },
    /^Last heard .*; it was due at/,
    /^Zuletzt gehört .*; fällig war/,
  ],
  failing: [{ failed: 3, pictures: 6, percent: 50 }, /^3 of the last 6 pictures/, /^3 der letzten 6 Bilder/],
  battery_low: [{ percent: 8.4, estimated: false }, /is at 8\.4 %/, /steht bei 8,4 %/],
  battery_falling: [{ points: 30, percent: 41 }, /has lost 30 points/, /30 Punkte verloren/],
  picture: [
    { pictures: 3, health: 'frozen' },
    /the latest is the same again/,
    /das jüngste ist wieder dasselbe/,
  ],
  sensor: [
    { value: 41.5, lower: 0, upper: 40 },
    /is 41\.5 °C: above 40 °C/,
    /Temperatur: 41,5 °C, über 40 °C/,
  ],
  storage: [
    { percent: 95, bytes: 95e8, quota_bytes: 1e10 },
    /^95 % is used: 9\.5\sGB/,
    /^95 % sind belegt: 9,5\sGB/,
  ],
  channel: [
    { name: 'Mail', error: 'refused' },
    /^Nothing gets through to Mail/,
    /^Zu Mail kommt nichts durch/,
  ],
  service: [
    { troubles: 'no listener is running; work has waited in the queue captures for 7 min' },
    /^The service is ill: .*: no listener is running; work has waited/,
    /^Der Dienst ist krank: .*: kein Listener läuft; Arbeit in der Warteschlange captures wartet seit 7 min\.$/,
  ],
} as const satisfies Record<AlertKind, readonly [FoundAlert['details'], RegExp, RegExp]>

function sentence(language: 'en' | 'de', kind: AlertKind): string {
  changeSettings({ language })
  const subject = kind === 'sensor' ? 'temperature_c' : ''
  const { result } = renderHook(() => useAlertSentence())
  return result.current({ kind, subject, details: FOUND[kind][0], message: 'as it was mailed' })
}

describe('an alert of each kind', () => {
  it.each(ALERT_KINDS)('has words in both languages: %s', (kind) => {
    expect(sentence('en', kind)).toMatch(FOUND[kind][1])
    expect(sentence('de', kind)).toMatch(FOUND[kind][2])
    expect(alertWords.de.kinds[kind]).not.toBe(alertWords.en.kinds[kind])
  })
  it('is told as it was mailed where the database knows more', () => {
    const { result } = renderHook(() => useAlertSentence())
    expect(result.current({ kind: 'offline', subject: '', details: {}, message: 'as it was mailed' })).toBe(
      'as it was mailed',
    )
  })
})
