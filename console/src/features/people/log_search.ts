import { compact, readChoice, readDevice } from '@/shared/search'

/** The tables that the log tells of, as 027_audit.sql and the files that follow it name them. */
export const LOG_TABLES = [
  'users',
  'invitations',
  'sites',
  'devices',
  'device_configs',
  'device_commands',
  'alert_rules',
  'alert_channels',
  'maintenance_windows',
  'keep_policies',
  'captures',
  'timelapses',
  'companies',
] as const
export type LogTable = (typeof LOG_TABLES)[number]

export interface LogSearch {
  readonly about?: LogTable
  /** The id of the device whose history it is. */
  readonly device?: string
}

export function readLogSearch(search: Record<string, unknown>): LogSearch {
  return compact({ about: readChoice(search.about, LOG_TABLES), device: readDevice(search.device) })
}
