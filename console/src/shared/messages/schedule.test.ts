import { describe, expect, it } from 'vitest'
import { deviceText } from './device'

describe('how often a device wakes', () => {
  it.each([
    [1, 'Wakes every minute.', 'Wacht jede Minute auf.'],
    [90, 'Wakes every 90 minutes.', 'Wacht alle 90 Minuten auf.'],
    [60, 'Wakes every hour.', 'Wacht jede Stunde auf.'],
    [360, 'Wakes every 6 hours.', 'Wacht alle 6 Stunden auf.'],
  ])('%i minutes', (minutes, english, german) => {
    expect(deviceText.en.schedule.every(minutes)).toBe(english)
    expect(deviceText.de.schedule.every(minutes)).toBe(german)
  })
})
