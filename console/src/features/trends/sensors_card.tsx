/** A sensor of several devices in one chart. */
import { NativeSelect } from '@mantine/core'
import { lineColour } from '@/shared/charts/colours'
import { TimeChart } from '@/shared/charts/time_chart'
import { CsvButton } from '@/shared/components/csv_button'
import { Card } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import { addDays, type DayRange, daysBetween, viewerDayAt, viewerNoonOf } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { IconChartLine } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { trendsText } from '@/shared/messages/trends'
import { usePeriodWords } from './period_words'
import css from './trends.module.css'
import type { SensorTrend } from './trends_answers'
import { SENSORS, type Sensor } from './trends_search'

const HALF_A_DAY = 43_200
const DIGITS: Readonly<Record<Sensor, number>> = {
  temperature: 1,
  humidity: 0,
  pressure: 0,
  gas: 1,
  battery: 0,
  rssi: 0,
}

interface SensorsCardProps {
  readonly trend: SensorTrend
  readonly sensor: Sensor
  readonly range: DayRange
  /** The devices were chosen, and are not the first that there are. */
  readonly isOwnChoice: boolean
  readonly onChange: (sensor: Sensor) => void
}

export function SensorsCard({ trend, sensor, range, isOwnChoice, onChange }: SensorsCardProps) {
  const text = useText(trendsText)
  const measured = trend.devices.filter(({ points }) => points.length > 0)
  return (
    <Card
      title={text.sensors}
      aside={
        <span className={css.aside}>
          <NativeSelect
            size="xs"
            aria-label={text.sensor}
            data={SENSORS.map((one) => ({ value: one, label: text.sensorNames[one] }))}
            value={sensor}
            onChange={(event) => onChange(SENSORS.find((one) => one === event.currentTarget.value) ?? sensor)}
          />
          {measured.length > 0 && <SensorCsv trend={trend} sensor={sensor} range={range} />}
        </span>
      }
    >
      {measured.length === 0 ? (
        <EmptyState icon={IconChartLine} title={text.noValuesTitle}>
          {text.noValues}
        </EmptyState>
      ) : (
        <>
          <SensorChart trend={{ ...trend, devices: measured }} sensor={sensor} range={range} />
          <p className={css.note}>
            {[trend.daily && text.daily, !isOwnChoice && measured.length === 4 && text.firstFour]
              .filter(Boolean)
              .join(' ')}
          </p>
        </>
      )}
    </Card>
  )
}

interface OfSensor {
  readonly trend: SensorTrend
  readonly sensor: Sensor
  readonly range: DayRange
}

function SensorChart({ trend, sensor, range }: OfSensor) {
  const text = useText(trendsText)
  const format = useFormat()
  const words = usePeriodWords('day')
  const days = Array.from({ length: daysBetween(range.from, range.to) + 1 }, (_, place) =>
    addDays(range.from, place),
  )
  const number = (value: number) => format.number(value, DIGITS[sensor])
  return (
    <TimeChart
      from={viewerNoonOf(range.from) - HALF_A_DAY}
      to={viewerNoonOf(range.to) + HALF_A_DAY}
      times={days.map(viewerNoonOf)}
      lines={trend.devices.map(({ device_id, name, points }, place) => ({
        id: device_id,
        name: name ?? device_id,
        colour: lineColour(place),
        points: points.map(([at, , mean]) => [at, mean] as const),
      }))}
      tick={(at) => words.tick(viewerDayAt(at))}
      when={(at) => (trend.daily ? words.full(viewerDayAt(at)) : format.moment(new Date(at * 1000)))}
      write={number}
      tell={(value) => `${number(value)} ${text.units[sensor]}`}
    />
  )
}

function SensorCsv({ trend, sensor, range }: OfSensor) {
  const all = useText(trendsText)
  const text = all.csv
  const unit = all.units[sensor]
  const rows = trend.devices.flatMap(({ device_id, name, points }) =>
    points.map(([at, minimum, mean, maximum]) => ({ device_id, name, at, minimum, mean, maximum })),
  )
  return (
    <CsvButton
      of={all.sensors}
      file={`${sensor}-${range.from}-${range.to}`}
      columns={[
        { name: text.device, value: ({ device_id }) => device_id },
        { name: text.name, value: ({ name }) => name },
        trend.daily
          ? { name: text.day, unit: text.ownClock, value: ({ at }) => viewerDayAt(at) }
          : { name: text.time, unit: 'UTC', value: ({ at }) => new Date(at * 1000).toISOString() },
        { name: `${all.sensorNames[sensor]}, ${text.minimum}`, unit, value: ({ minimum }) => minimum },
        { name: `${all.sensorNames[sensor]}, ${text.mean}`, unit, value: ({ mean }) => mean },
        { name: `${all.sensorNames[sensor]}, ${text.maximum}`, unit, value: ({ maximum }) => maximum },
      ]}
      rows={rows}
    />
  )
}
