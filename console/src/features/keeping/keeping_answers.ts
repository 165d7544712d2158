/** What the pages about keeping are answered: 089_retention_pages.sql and 089_policies.sql tell what each value means. */
import type { Site } from '@/shared/components/scope'

export const LIMITS = [
  'max_age_days',
  'max_count',
  'max_bytes',
  'hourly_after_days',
  'daily_after_days',
  'weekly_after_days',
  'smaller_after_days',
  'smaller_quality',
  'smaller_width',
] as const
export type Limit = (typeof LIMITS)[number]

export interface Policy extends Readonly<Record<Limit, number | null>> {
  readonly policy_id: string
  readonly site_id: string | null
  readonly site_name: string | null
  readonly device_id: string | null
  readonly device_name: string | null
}

export interface Usage {
  readonly bytes: number
  readonly quota_bytes: number | null
  readonly devices: number
  readonly largest: readonly {
    readonly device_id: string
    readonly name: string | null
    readonly bytes: number
  }[]
  readonly smaller: { readonly captures: number; readonly saved_bytes: number }
}

export interface Keeping {
  readonly usage: Usage
  readonly policies: readonly Policy[]
  readonly sites: readonly Site[]
}

export interface Preview {
  readonly captures: number
  readonly bytes: number
  readonly devices: number
  readonly oldest: string | null
  readonly newest: string | null
  readonly pinned: number
  readonly smaller: { readonly captures: number; readonly bytes: number }
}

export interface Timelapse {
  readonly timelapse_id: string
  readonly device_id: string
  readonly device_name: string
  readonly since: string
  readonly until: string
  readonly format: 'mp4' | 'webp'
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  readonly frames_total: number | null
  readonly frames_done: number
  readonly path: string | null
  readonly bytes: number | null
  readonly duration_s: number | null
  readonly error: string | null
  readonly requested_by: string | null
  readonly created_at: string
}

export interface PinnedPicture {
  readonly capture_id: string
  readonly device_id: string
  readonly device_name: string
  readonly timezone: string | null
  readonly captured_at: string
  readonly thumbnail_path: string | null
}

export interface Pins {
  readonly pictures: readonly PinnedPicture[]
  readonly more: boolean
}

declare module '@/shared/call' {
  interface Answers {
    console_keeping: Keeping
    console_pins: Pins
    console_timelapses: readonly Timelapse[]
    preview_keep_policy: Preview
  }
}
