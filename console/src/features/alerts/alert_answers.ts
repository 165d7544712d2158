/** What the pages about alerts are answered: 088_console_alerts.sql tells what each value means. */
import type { AlertKind, FoundAlert } from '@/shared/alert_words'
import type { Site } from '@/shared/components/scope'

export interface FleetAlert extends FoundAlert {
  readonly alert_id: string
  readonly severity: 'warning' | 'critical'
  readonly device_id: string | null
  readonly device_name: string | null
  readonly site_name: string | null
  readonly opened_at: string
  readonly acknowledged_at: string | null
  readonly acknowledged_by: string | null
  readonly snoozed_until: string | null
  readonly snooze_reason: string | null
  readonly snoozed_by: string | null
  readonly resolved_at: string | null
}

export interface AlertList {
  readonly alerts: readonly FleetAlert[]
  readonly more: boolean
  readonly open: Readonly<Partial<Record<AlertKind, number>>>
  readonly critical: number
  readonly sites: readonly Site[]
}

export const RULE_VALUES = ['lower', 'upper', 'critical', 'margin', 'at_least', 'repeat_hours'] as const
export type RuleValue = (typeof RULE_VALUES)[number]

export interface Rule extends Readonly<Record<RuleValue, number | null>> {
  readonly kind: AlertKind
  readonly subject: string
}

export interface OwnRule extends Rule {
  readonly rule_id: string
  readonly enabled: boolean | null
  readonly site_id: string | null
  readonly site_name: string | null
  readonly device_id: string | null
  readonly device_name: string | null
}

export interface Channel {
  readonly channel_id: string
  readonly name: string
  readonly kind: 'email' | 'apprise' | 'webhook'
  readonly target: string
  readonly event_types: readonly string[]
  readonly alert_kinds: readonly string[] | null
  readonly site_id: string | null
  readonly site_name: string | null
  readonly quiet_from: string | null
  readonly quiet_until: string | null
  readonly quiet_timezone: string | null
  readonly enabled: boolean
  readonly state: 'untried' | 'ok' | 'failing' | 'dead'
  readonly last_ok_at: string | null
  readonly last_error: string | null
  readonly last_error_at: string | null
  readonly dropped: number
}

export interface MaintenanceWindow {
  readonly window_id: string
  readonly site_name: string | null
  readonly device_name: string | null
  readonly starts_at: string
  readonly ends_at: string
  readonly reason: string
  readonly created_by: string | null
}

export interface AlertSettings {
  readonly defaults: readonly Rule[]
  readonly rules: readonly OwnRule[]
  readonly channels: readonly Channel[]
  readonly events: readonly string[]
  readonly windows: readonly MaintenanceWindow[]
  readonly sites: readonly (Site & { readonly timezone: string | null })[]
  readonly members: readonly string[]
}

export interface Delivery {
  readonly event_id: string
  readonly type: string
  readonly device_id: string | null
  readonly state: 'waiting' | 'sent' | 'dead'
  readonly since: string
  readonly attempts: number
  readonly next_at: string | null
  readonly last_error: string | null
  readonly finished_at: string | null
}

declare module '@/shared/call' {
  interface Answers {
    console_alerts: AlertList
    console_alert_settings: AlertSettings
    channel_deliveries: readonly Delivery[]
    create_channel: { readonly channel_id: string; readonly secret: string | null }
    replay_events: { readonly events: number; readonly until: string | null }
  }
}

/** What is asked again after a change of it. */
export const SETTINGS = ['console_alert_settings'] as const
