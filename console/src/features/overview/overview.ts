/** What console_overview() answers. */
import type { FoundAlert } from '@/shared/alert_words'
import type { DeviceState } from '@/shared/device_state'

interface OpenAlert extends FoundAlert {
  readonly alert_id: string
  readonly severity: 'warning' | 'critical'
  readonly opened_at: string
  readonly device_id: string | null
  readonly name: string | null
}

export interface CompanyDay {
  readonly day: string
  readonly expected: number | null
  readonly silent: number
  readonly came: number
  readonly failed: number
}

export interface NewPicture {
  readonly capture_id: string
  readonly device_id: string
  readonly name: string | null
  readonly thumbnail_path: string
  readonly captured_at: string
  readonly timezone: string | null
}

export interface Overview {
  readonly devices: number
  readonly states: Readonly<Partial<Record<DeviceState, number>>>
  readonly heard: number
  readonly alerts: { readonly open: number; readonly critical: number; readonly newest: readonly OpenAlert[] }
  readonly days: readonly CompanyDay[]
  readonly storage: { readonly bytes: number; readonly quota_bytes: number | null }
  readonly service: {
    readonly last_heard_at: string | null
    readonly last_stored_at: string | null
    readonly waiting: number
    readonly waiting_since: string | null
    readonly ill: string | null
    readonly troubles: string | null
  }
  readonly pictures: readonly NewPicture[]
}

declare module '@/shared/call' {
  interface Answers {
    console_overview: Overview
  }
}
