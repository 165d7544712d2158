/** What a viewer has chosen, kept in this browser: the language, and whose clock times are told by. */
import { createStore, useStore } from './store'

export const LANGUAGES = ['en', 'de'] as const
export type Language = (typeof LANGUAGES)[number]
export function localeOf(language: Language): string {
  return language === 'de' ? 'de-DE' : 'en-GB'
}

/** Times of a device by the viewer's clock, or by the clock of where the device stands. */
export const CLOCKS = ['viewer', 'site'] as const
export type Clock = (typeof CLOCKS)[number]

export interface Settings {
  readonly language: Language
  readonly clock: Clock
}

const KEY = 'fleet-settings'

function isOneOf<T extends string>(choices: readonly T[], value: unknown): value is T {
  return choices.some((choice) => choice === value)
}

function kept(): Settings {
  let found: Partial<Record<keyof Settings, unknown>> = {}
  try {
    found = JSON.parse(localStorage.getItem(KEY) ?? '{}')
  } catch {
    // What cannot be read counts as nothing.
  }
  const own = navigator.language.slice(0, 2)
  return {
    language: isOneOf(LANGUAGES, found.language) ? found.language : isOneOf(LANGUAGES, own) ? own : 'en',
    clock: isOneOf(CLOCKS, found.clock) ? found.clock : 'viewer',
  }
}

const store = createStore<Settings>(kept())
document.documentElement.lang = store.get().language

export function useSettings(): Settings {
  return useStore(store)
}

export function changeSettings(changes: Partial<Settings>): void {
  const next = { ...store.get(), ...changes }
  localStorage.setItem(KEY, JSON.stringify(next))
  document.documentElement.lang = next.language
  store.set(next)
}
