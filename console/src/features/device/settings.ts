/** What people say of a device, as it is typed, and what of it has changed. */
import type { Device } from './device_answers'

export interface Draft {
  readonly name: string
  readonly site_id: string
  readonly location: string
  readonly timezone: string
  /** With commas between them. */
  readonly tags: string
  readonly notes: string
}

const MOST_TAGS = 20
const LONGEST_TAG = 40

export function draftOf(device: Device): Draft {
  return {
    name: device.name ?? '',
    site_id: device.site_id ?? '',
    location: device.location ?? '',
    timezone: device.timezone ?? '',
    tags: device.tags.join(', '),
    notes: device.notes ?? '',
  }
}

function tagsOf(typed: string): string[] {
  return [...new Set(typed.split(',').map((tag) => tag.trim()))].filter((tag) => tag !== '')
}

export function areTags(typed: string): boolean {
  const tags = tagsOf(typed)
  return tags.length <= MOST_TAGS && tags.every((tag) => tag.length <= LONGEST_TAG)
}

/** What update_device() is told: only what was typed and differs, so that what somebody else has changed meanwhile stays. */
export function changesOf(typed: Partial<Draft>, now: Draft): Record<string, string | string[] | null> {
  const told = (name: keyof Draft, text: string) => (name === 'tags' ? tagsOf(text) : text.trim() || null)
  const values = (Object.keys(now) as (keyof Draft)[]).map(
    (name) => [name, told(name, typed[name] ?? now[name]), told(name, now[name])] as const,
  )
  return Object.fromEntries(
    values.flatMap(([name, wanted, before]) =>
      JSON.stringify(wanted) === JSON.stringify(before) ? [] : [[name, wanted]],
    ),
  )
}

/** What was typed after this was saved. */
export function without(typed: Partial<Draft>, saved: Partial<Draft>): Partial<Draft> {
  return Object.fromEntries(
    Object.entries(typed).filter(([name, text]) => text !== saved[name as keyof Draft]),
  )
}
