/** The report as tables: its days, and what did not come. */
import { CsvButton } from '@/shared/components/csv_button'
import { type Column, csvOf } from '@/shared/csv'
import type { DayRange } from '@/shared/days'
import { useGapWords } from '@/shared/gap_words'
import { useText } from '@/shared/messages/define'
import { reportText } from '@/shared/messages/report'
import { time } from '@/shared/time'
import type { ReportDay, ReportDevice, ReportGap } from './report_answers'
import { nameOf } from './sums'

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
    column(csv.expected, 1),
    column(csv.silent, 2),
    column(csv.whole, 3),
    column(csv.partial, 4),
    column(csv.camera, 5),
    column(csv.transfer, 6),
    column(csv.service, 7),
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
      make={() =>
        csvOf(
          columns,
          devices.flatMap((device) => device.days.map((day) => ({ device, day }))),
        )
      }
    />
  )
}

export function GapsCsv({ devices, gaps, range }: OfReport & { readonly gaps: readonly ReportGap[] }) {
  const { csv, files, reasons } = useText(reportText)
  const names = new Map(devices.map((device) => [device.device_id, nameOf(device)]))
  const words = useGapWords(devices[0]?.zone ?? 'UTC')
  const columns: readonly Column<ReportGap>[] = [
    { name: csv.device, value: ({ device_id }) => device_id },
    { name: csv.name, value: ({ device_id }) => names.get(device_id) ?? null },
    { name: csv.wake, unit: 'UTC', value: ({ at }) => time(at).toISOString() },
    { name: csv.reason, value: ({ reason }) => reasons[reason] },
    { name: csv.words, value: words.why },
  ]
  return (
    <CsvButton
      of={files.gaps}
      isNamed
      file={`missing-${range.from}-${range.to}`}
      make={() => csvOf(columns, gaps)}
    />
  )
}
