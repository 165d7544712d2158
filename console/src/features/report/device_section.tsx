/** What a report says of one device. */
import type { UseQueryResult } from '@tanstack/react-query'
import { type Bars, type Line, TimeChart } from '@/shared/charts/time_chart'
import { Picture } from '@/shared/components/picture'
import { type DayRange, noonOf } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { outcomeText } from '@/shared/messages/outcome'
import { reportText } from '@/shared/messages/report'
import { outcomeOf } from '@/shared/outcome'
import { useOutcomeSentence } from '@/shared/outcome_words'
import { useDayAxis } from './day_axis'
import css from './report.module.css'
import { nameOf, type ReportDevice, type ReportGap } from './report_answers'
import { WhyNot } from './why_not'

interface OfDevice {
  readonly device: ReportDevice
  readonly range: DayRange
}

interface DeviceSectionProps extends OfDevice {
  readonly gaps: UseQueryResult<readonly ReportGap[], Error>
  readonly mostReasons: number
  /** Its name is the title of the report already. */
  readonly isAlone: boolean
}

export function DeviceSection({ device, gaps, range, mostReasons, isAlone }: DeviceSectionProps) {
  const text = useText(reportText)
  const sentence = useOutcomeSentence()
  const outcome = outcomeOf(device.days)
  // The next below the title, or below the device's name.
  const heading = isAlone ? 'h3' : 'h4'
  return (
    <section className={css.device} aria-label={nameOf(device)}>
      {!isAlone && <h3 className={css.name}>{nameOf(device)}</h3>}
      <p className={css.small}>
        {[device.device_id, device.site, device.location].filter(Boolean).join(' · ')}
      </p>
      <p className={css.lead}>{device.days.length === 0 ? text.noDays : sentence(outcome)}</p>
      {device.days.length > 0 && (
        <div className={css.charts}>
          <WakesChart device={device} range={range} />
          <SensorChart device={device} range={range} of="temperature" />
          <SensorChart device={device} range={range} of="humidity" />
        </div>
      )}
      <Pictures device={device} heading={heading} />
      {device.days.length > 0 && (
        <WhyNot device={device} outcome={outcome} gaps={gaps} most={mostReasons} heading={heading} />
      )}
    </section>
  )
}

function WakesChart({ device: { days }, range }: OfDevice) {
  const text = useText(reportText)
  const words = useText(outcomeText)
  const { number } = useFormat()
  const axis = useDayAxis(range)
  const byDay = new Map(days.map((day) => [noonOf(day[0]), outcomeOf([day])]))
  const counts = (of: 'came' | 'failed' | 'missing') => axis.times.map((at) => byDay.get(at)?.[of] ?? 0)
  const bars: readonly Bars[] = [
    { name: words.came, colour: 'var(--good-fill)', values: counts('came') },
    { name: words.failed, colour: 'var(--bad-fill)', values: counts('failed') },
    { name: words.missing, colour: 'var(--line-strong)', values: counts('missing') },
  ].filter(({ values }) => values.some((value) => value > 0))
  const expected: Line = {
    name: words.expected,
    colour: 'var(--text-soft)',
    isDashed: true,
    points: days.flatMap(([day, planned]) => (planned === null ? [] : [[noonOf(day), planned] as const])),
  }
  return (
    <figure className={css.chart}>
      <figcaption>
        {text.wakes} <small>{text.perDay}</small>
      </figcaption>
      <TimeChart
        {...axis}
        bars={bars}
        lines={expected.points.length > 0 ? [expected] : []}
        fromZero
        write={(value) => number(value, 1)}
      />
    </figure>
  )
}

const SENSORS = {
  temperature: { first: 8, unit: '°C', digits: 1 },
  humidity: { first: 11, unit: '%', digits: 0 },
} as const

function SensorChart({ device: { days }, range, of }: OfDevice & { readonly of: keyof typeof SENSORS }) {
  const text = useText(reportText)
  const { number } = useFormat()
  const axis = useDayAxis(range)
  const { first, unit, digits } = SENSORS[of]
  const known = days.flatMap((day) => {
    const [low, mean, high] = [day[first], day[first + 1], day[first + 2]]
    return typeof low === 'number' && typeof mean === 'number' && typeof high === 'number'
      ? [{ at: noonOf(day[0]), low, mean, high }]
      : []
  })
  if (known.length === 0) return null
  return (
    <figure className={css.chart}>
      <figcaption>
        {text[of]} <small>{unit}</small>
      </figcaption>
      <TimeChart
        {...axis}
        lines={[
          {
            name: text.mean,
            colour: 'var(--accent)',
            points: known.map(({ at, mean }) => [at, mean] as const),
          },
        ]}
        band={{ name: text.range, points: known.map(({ at, low, high }) => [at, low, high] as const) }}
        write={(value) => number(value, digits)}
        tell={(value) => `${number(value, digits)} ${unit}`}
      />
    </figure>
  )
}

function Pictures({
  device,
  heading: Heading,
}: {
  readonly device: ReportDevice
  readonly heading: 'h3' | 'h4'
}) {
  const text = useText(reportText)
  const format = useFormat()
  const at = (seconds: number) => format.moment(new Date(seconds * 1000), device.zone)
  if (device.pictures.length === 0) return <p className={css.small}>{text.noPictures}</p>
  return (
    <>
      <Heading className={css.heading}>
        {text.pictures} <small>{text.evenly}</small>
      </Heading>
      <ul className={css.pictures}>
        {device.pictures.map(([seconds, id, path, thumbnail]) => (
          <li key={id}>
            <Picture path={thumbnail ?? path} alt={text.pictureAt(nameOf(device), at(seconds))} eager />
            <span aria-hidden="true">{at(seconds)}</span>
          </li>
        ))}
      </ul>
    </>
  )
}
