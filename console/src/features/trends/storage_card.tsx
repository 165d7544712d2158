/** How much is stored, and how it will grow. */

import { TimeChart } from '@/shared/charts/time_chart'
import { CsvButton } from '@/shared/components/csv_button'
import { Card } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import { useDayWords } from '@/shared/day_words'
import { addDays, dayAt, noonOf, today } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { IconDatabase } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { trendsText } from '@/shared/messages/trends'
import { daysKnown, type Forecast, forecast, LEAST_DAYS } from './forecast'
import { usePeriodWords } from './period_words'
import css from './trends.module.css'
import type { Storage } from './trends_answers'

const AHEAD_DAYS = 60
const PAST_DAYS = 90
const HALF_A_DAY = 43_200

export function StorageCard({ storage }: { readonly storage: Storage }) {
  const text = useText(trendsText)
  if (storage.days.length === 0) {
    return (
      <Card title={text.storage}>
        <EmptyState icon={IconDatabase} title={text.noStorageTitle}>
          {text.noStorage}
        </EmptyState>
      </Card>
    )
  }
  const present = today()
  const known = forecast(storage, present)
  return (
    <Card title={text.storage} aside={<StorageCsv storage={storage} known={known} />}>
      <StorageWords storage={storage} known={known} />
      <StorageChart storage={storage} known={known} />
    </Card>
  )
}

interface OfStorage {
  readonly storage: Storage
  readonly known: Forecast | null
}

function StorageWords({ storage, known }: OfStorage) {
  const text = useText(trendsText)
  const format = useFormat()
  const words = useDayWords()
  const { bytes, quota_bytes: quota } = storage
  const ahead = known?.after(AHEAD_DAYS)
  function whenFull(): string {
    const { early, probably, late } = known?.full ?? {}
    if (!probably || !early) return text.fullFar
    return late
      ? text.full(words.short(probably), words.short(early), words.short(late))
      : text.fullOpen(words.short(probably), words.short(early))
  }
  return (
    <>
      <p className={css.lead}>
        {quota === null ? format.bytes(bytes) : text.now(format.bytes(bytes), format.bytes(quota))}
      </p>
      <p>
        {known && ahead ? (
          <>
            {text.perDay(format.bytes(known.perDay), known.days)}{' '}
            {text.after(
              format.bytes(ahead.mean),
              format.bytes(ahead.low),
              format.bytes(ahead.high),
              AHEAD_DAYS,
            )}{' '}
            {known.full && whenFull()}
          </>
        ) : (
          text.tooFew(daysKnown(storage), LEAST_DAYS)
        )}
      </p>
      {known && (
        <p className={css.note}>
          {text.how} {storage.policies > 0 && text.policies}
        </p>
      )}
    </>
  )
}

/** What is stored, added up by the day that it was taken on. */
function sums({ days, before }: Storage): readonly (readonly [day: string, sum: number])[] {
  let sum = before
  return days.map(([day, , kept]) => {
    sum += kept
    return [day, sum] as const
  })
}

function StorageChart({ storage, known }: OfStorage) {
  const text = useText(trendsText)
  const format = useFormat()
  const words = usePeriodWords('day')
  const present = today()
  const past = sums(storage).filter(([day]) => day >= addDays(present, -PAST_DAYS) && day <= present)
  const begins = past[0]?.[0] ?? present
  const ahead = known
    ? Array.from({ length: AHEAD_DAYS + 1 }, (_, days) => ({
        at: noonOf(addDays(present, days)),
        ...known.after(days),
      }))
    : []
  const ends = addDays(present, known ? AHEAD_DAYS : 0)
  const count = Math.round((noonOf(ends) - noonOf(begins)) / 86_400) + 1
  return (
    <TimeChart
      from={noonOf(begins) - HALF_A_DAY}
      to={noonOf(ends) + HALF_A_DAY}
      times={Array.from({ length: count }, (_, place) => noonOf(addDays(begins, place)))}
      lines={[
        {
          name: text.stored,
          colour: 'var(--accent)',
          // To the present, also where today nothing has come yet.
          points: [...past.filter(([day]) => day < present), [present, storage.bytes] as const].map(
            ([day, sum]) => [noonOf(day), sum] as const,
          ),
        },
        ...(known
          ? [
              {
                name: text.ahead,
                colour: 'var(--accent)',
                isDashed: true,
                points: ahead.map(({ at, mean }) => [at, mean] as const),
              },
            ]
          : []),
      ]}
      band={
        known
          ? { name: text.range80, points: ahead.map(({ at, low, high }) => [at, low, high] as const) }
          : undefined
      }
      fromZero
      tick={(at) => words.tick(dayAt(at))}
      when={(at) => words.full(dayAt(at))}
      write={format.bytes}
    />
  )
}

interface StorageRow {
  readonly day: string
  readonly came: number | null
  readonly kept: number | null
  readonly sum: number | null
  readonly mean: number | null
  readonly low: number | null
  readonly high: number | null
}

function StorageCsv({ storage, known }: OfStorage) {
  const all = useText(trendsText)
  const text = all.csv
  const present = today()
  const added = new Map(sums(storage))
  const none = { came: null, kept: null, sum: null, mean: null, low: null, high: null }
  const rows: readonly StorageRow[] = [
    ...storage.days.map(([day, came, kept]) => ({ ...none, day, came, kept, sum: added.get(day) ?? null })),
    ...(known
      ? Array.from({ length: AHEAD_DAYS }, (_, place) => {
          const { mean, low, high } = known.after(place + 1)
          return {
            ...none,
            day: addDays(present, place + 1),
            mean: Math.round(mean),
            low: Math.round(low),
            high: Math.round(high),
          }
        })
      : []),
  ]
  const unit = 'bytes'
  return (
    <CsvButton
      of={all.storage}
      file={`${all.storage}-${present}`.toLowerCase().replaceAll(' ', '-')}
      columns={[
        { name: text.day, unit: text.ownClock, value: ({ day }) => day },
        { name: text.came, unit, value: ({ came }) => came },
        { name: text.kept, unit, value: ({ kept }) => kept },
        { name: text.sum, unit, value: ({ sum }) => sum },
        { name: text.forecast, unit, value: ({ mean }) => mean },
        { name: text.low, unit, value: ({ low }) => low },
        { name: text.high, unit, value: ({ high }) => high },
      ]}
      rows={rows}
    />
  )
}
