/** What became of what was expected of a device, added up over its days. */
import type { ReportDay, ReportDevice } from './report_answers'

export interface Sums {
  /** Null without a schedule. */
  readonly expected: number | null
  readonly came: number
  readonly silent: number
  readonly camera: number
  readonly transfer: number
  readonly service: number
  /** Expected, and neither came nor failed. */
  readonly missing: number
}

export function sumsOf(days: readonly ReportDay[]): Sums {
  const sums = { came: 0, silent: 0, camera: 0, transfer: 0, service: 0, missing: 0 }
  let expected: number | null = null
  for (const day of days) {
    const [, planned, silent, stored, partial, camera, transfer, service] = day
    if (planned !== null) expected = (expected ?? 0) + planned
    sums.came += stored + partial
    sums.silent += silent
    sums.camera += camera
    sums.transfer += transfer
    sums.service += service
    sums.missing += missingOn(day)
  }
  return { expected, ...sums }
}

export function missingOn([, expected, , stored, partial, camera, transfer, service]: ReportDay): number {
  return Math.max((expected ?? 0) - stored - partial - camera - transfer - service, 0)
}

export function sumsOfAll(devices: readonly ReportDevice[]): Sums {
  return sumsOf(devices.flatMap(({ days }) => days))
}

export function nameOf({ name, device_id }: Pick<ReportDevice, 'name' | 'device_id'>): string {
  return name ?? device_id
}
