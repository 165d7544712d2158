/** The report itself, as it is printed. */
import type { UseQueryResult } from '@tanstack/react-query'
import { lineColour, MOST_LINES } from '@/shared/charts/colours'
import { TimeChart } from '@/shared/charts/time_chart'
import { ValuesTable } from '@/shared/components/values_table'
import { useDayWords } from '@/shared/day_words'
import { type DayRange, noonOf } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { reportText } from '@/shared/messages/report'
import { outcomeOf } from '@/shared/outcome'
import { useOutcomeColumns } from '@/shared/outcome_words'
import { time } from '@/shared/time'
import { DaysCsv, GapsCsv } from './csv_files'
import { useDayAxis } from './day_axis'
import { DeviceSection } from './device_section'
import css from './report.module.css'
import { nameOf, type Report, type ReportDevice, type ReportGap } from './report_answers'
import { MOST_REASONS } from './report_search'

interface SheetProps {
  readonly report: Report
  readonly gaps: UseQueryResult<readonly ReportGap[], Error>
  readonly range: DayRange
}

export function Sheet({ report, gaps, range }: SheetProps) {
  const text = useText(reportText)
  const format = useFormat()
  const words = useDayWords()
  const { devices } = report
  const title = report.site ?? devices.map(nameOf).join(', ')
  const made = time(report.made_at)
  const madeAt = `${format.date(made, devices[0]?.zone)}, ${format.clock(made, devices[0]?.zone)}`
  const zones = [...new Set(devices.map(({ zone }) => format.zone(zone)))]
  return (
    <article className={css.sheet} aria-label={title}>
      <header className={css.head}>
        <div>
          <p className={css.company}>{report.company}</p>
          <h2>{title}</h2>
          <p>{text.of(words.long(range.from), words.long(range.to))}</p>
        </div>
        <div className={css.screenOnly}>
          <DaysCsv devices={devices} range={range} />
          {gaps.data && <GapsCsv devices={devices} gaps={gaps.data} range={range} />}
        </div>
      </header>
      <p className={css.small}>
        {[`${text.made(madeAt)}.`, text.clock(zones.join(', ')), report.more > 0 && text.more(report.more)]
          .filter(Boolean)
          .join(' ')}
      </p>
      {devices.length > 1 && <Together devices={devices} range={range} />}
      {devices.map((device) => (
        <DeviceSection
          key={device.device_id}
          device={device}
          gaps={gaps}
          range={range}
          mostReasons={Math.floor(MOST_REASONS / devices.length)}
          isAlone={devices.length === 1}
        />
      ))}
    </article>
  )
}

/** All devices side by side. */
function Together({
  devices,
  range,
}: {
  readonly devices: readonly ReportDevice[]
  readonly range: DayRange
}) {
  const text = useText(reportText)
  const format = useFormat()
  const axis = useDayAxis(range)
  const columns = useOutcomeColumns()
  const rows = [
    ...devices.map((device) => ({
      key: device.device_id,
      title: nameOf(device),
      outcome: outcomeOf(device.days),
    })),
    { key: '', title: text.all, outcome: outcomeOf(devices.flatMap(({ days }) => days)) },
  ]
  const measured = devices
    .filter(({ days }) => days.some(([, , , , , , , , , mean]) => mean !== null))
    .slice(0, MOST_LINES)
  return (
    <section className={css.part} aria-label={text.all}>
      <ValuesTable label={text.wakes} first={text.device} columns={columns} rows={rows} hasSum />
      {measured.length > 1 && (
        <figure className={css.chart}>
          <figcaption>
            {text.temperature} <small>{text.mean}, °C</small>
          </figcaption>
          <TimeChart
            {...axis}
            lines={measured.map((device, place) => ({
              id: device.device_id,
              name: nameOf(device),
              colour: lineColour(place),
              points: device.days.flatMap(([day, , , , , , , , , mean]) =>
                mean === null ? [] : [[noonOf(day), mean] as const],
              ),
            }))}
            write={(value) => format.number(value, 1)}
            tell={(value) => `${format.number(value, 1)} °C`}
          />
        </figure>
      )}
    </section>
  )
}
