/** The report as tables: its days, and what did not come. */
import { CsvButton } from '@/shared/components/csv_button'
import type { Column } from '@/shared/csv'
import type { DayRange } from '@/shared/days'
import { useGapWordsOf } from '@/shared/gap_words'
import { useText } from '@/shared/messages/define'
import { reportText } from '@/shared/messages/report'
import { useOutcomeCsv } from '@/shared/outcome_words'
import { time } from '@/shared/time'
import { nameOf, type ReportDay, type ReportDevice, type ReportGap } from './report_answers'

interface OfReport {
  readonly devices: readonly ReportDevice[]
  readonly range: DayRange
}

interface DayRow {
  readonly device: ReportDevice
  readonly day: ReportDay
}

export function DaysCsv({ devices, range }: OfReport) {
  const { csv, files, ...text } = useText(reportText)
  const outcome = useOutcomeCsv<DayRow>(({ day }) => day)
  const column = (
    name: string,
    place: Exclude<keyof ReportDay & number, never>,
    unit?: string,
  ): Column<DayRow> => ({
    name,
    unit,
    value: ({ day }) => day[place] ?? null,
  })
  const threefold = (name: string, first: number, unit: string) =>
    [csv.minimum, csv.meanOf, csv.maximum].map((one, place) => column(`${name}, ${one}`, first + place, unit))
  const columns: readonly Column<DayRow>[] = [
    { name: csv.device, value: ({ device }) => device.device_id },
    { name: csv.name, value: ({ device }) => nameOf(device) },
    { name: csv.zone, value: ({ device }) => device.zone },
    column(csv.day, 0, csv.ownClock),
    ...outcome,
    ...threefold(text.temperature, 8, '°C'),
    ...threefold(text.humidity, 11, '%'),
    column(csv.pressure, 14, 'hPa'),
    column(csv.gas, 15, 'kΩ'),
    column(csv.battery, 16, '%'),
    column(csv.rssi, 17, 'dBm'),
  ]
  return (
    <CsvButton
      of={files.days}
      isNamed
      file={`report-${range.from}-${range.to}`}
      columns={columns}
      rows={devices.flatMap((device) => device.days.map((day) => ({ device, day })))}
    />
  )
}

export function GapsCsv({ devices, gaps, range }: OfReport & { readonly gaps: readonly ReportGap[] }) {
  const { csv, files, reasons } = useText(reportText)
  const byId = new Map(devices.map((device) => [device.device_id, device]))
  const wordsOf = useGapWordsOf()
  const rows = gaps.flatMap((gap) => {
    const device = byId.get(gap.device_id)
    return device ? [{ gap, device }] : []
  })
  const columns: readonly Column<(typeof rows)[number]>[] = [
    { name: csv.device, value: ({ gap }) => gap.device_id },
    { name: csv.name, value: ({ device }) => nameOf(device) },
    { name: csv.wake, unit: 'UTC', value: ({ gap }) => time(gap.at).toISOString() },
    { name: csv.reason, value: ({ gap }) => reasons[gap.reason] },
    { name: csv.words, value: ({ gap, device }) => wordsOf(device.zone).why(gap) },
  ]
  return (
    <CsvButton
      of={files.gaps}
      isNamed
      file={`missing-${range.from}-${range.to}`}
      columns={columns}
      rows={rows}
    />
  )
}
