/** The report itself, as it is printed. */
import type { UseQueryResult } from '@tanstack/react-query'
import { lineColour, MOST_LINES } from '@/shared/charts/colours'
import { TimeChart } from '@/shared/charts/time_chart'
import { useDayWords } from '@/shared/day_words'
import { type DayRange, noonOf } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { reportText } from '@/shared/messages/report'
import { time } from '@/shared/time'
import { DaysCsv, GapsCsv } from './csv_files'
import { useDayAxis } from './day_axis'
import { DeviceSection } from './device_section'
import css from './report.module.css'
import type { Report, ReportDevice, ReportGap } from './report_answers'
import { nameOf, sumsOf, sumsOfAll } from './sums'

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
  const rows = [
    ...devices.map((device) => ({ key: device.device_id, name: nameOf(device), sums: sumsOf(device.days) })),
    { key: '', name: text.all, sums: sumsOfAll(devices) },
  ]
  const measured = devices
    .filter(({ days }) => days.some(([, , , , , , , , , mean]) => mean !== null))
    .slice(0, MOST_LINES)
  return (
    <section className={css.part} aria-label={text.all}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
      <section className={css.scroll} tabIndex={0} aria-label={text.wakes}>
        <table className={css.counts}>
          <thead>
            <tr>
              <th scope="col">{text.device}</th>
              <th scope="col">{text.expected}</th>
              <th scope="col">{text.came}</th>
              <th scope="col">{text.share}</th>
              <th scope="col">{text.failed}</th>
              <th scope="col">{text.missing}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ key, name, sums }) => (
              <tr key={key}>
                <th scope="row">{name}</th>
                <td>{sums.expected === null ? '–' : format.number(sums.expected)}</td>
                <td>{format.number(sums.came)}</td>
                <td>{sums.expected ? format.percent(Math.min(sums.came / sums.expected, 1)) : '–'}</td>
                <td>{format.number(sums.camera + sums.transfer + sums.service)}</td>
                <td>{format.number(sums.missing)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
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
