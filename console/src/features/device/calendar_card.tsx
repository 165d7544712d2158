/** The wakes of the time that is shown: due, pictured, and what did not come. */
import type { CSSProperties } from 'react'
import { Card } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import { useDayWords } from '@/shared/day_words'
import { type Gap, REASONS, useGapWords } from '@/shared/gap_words'
import { IconCalendar } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import { type CalendarRow, calendarByDay, calendarByWeek, MOST_DAYS, type Outcome } from './calendar'
import css from './calendar_card.module.css'
import type { History } from './device_answers'
import { FewFirst } from './few_first'

const OUTCOMES: readonly Outcome[] = ['pictured', 'mixed', 'failed', 'silent', ...REASONS]
const HOURS = 24
const WEEKDAYS = 7
const HOURS_TOLD = [0, 6, 12, 18]

export function CalendarCard({ history }: { readonly history: History }) {
  const text = useText(deviceText)
  const { named } = useDayWords()
  const byWeek = history.days.length > MOST_DAYS
  const rows = byWeek ? calendarByWeek(history) : calendarByDay(history)
  if (rows.every(({ expected, pictured, failed }) => !expected && pictured + failed === 0)) {
    return (
      <Card title={text.wakes}>
        <EmptyState icon={IconCalendar} title={text.noWakesTitle}>
          {text.noWakes}
        </EmptyState>
      </Card>
    )
  }
  return (
    <Card title={text.wakes}>
      <Legend rows={rows} />
      <table className={css.calendar} style={{ '--columns': byWeek ? WEEKDAYS : HOURS } as CSSProperties}>
        <thead>
          <tr>
            <th scope="col">{byWeek ? text.weekOf : text.day}</th>
            <th scope="col" className={css.wide}>
              <span className={`${css.strip} ${byWeek ? '' : css.hours}`}>
                {byWeek
                  ? WEEK.map((day, place) => (
                      <span key={day} style={{ gridColumn: place + 1 }}>
                        {named(day).slice(0, 2)}
                      </span>
                    ))
                  : HOURS_TOLD.map((hour) => (
                      <span key={hour} style={{ gridColumn: `${hour + 1} / span 6` }}>
                        {text.oclock(hour)}
                      </span>
                    ))}
              </span>
            </th>
            <th scope="col">{text.pictures}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.day}>
              <th scope="row">{named(row.day)}</th>
              <td className={css.wide} aria-hidden="true">
                <span className={css.strip}>
                  {row.cells.map((cell) => (
                    <i
                      key={cell.column}
                      data-outcome={cell.outcome}
                      style={{ gridColumn: cell.column }}
                      title={text.cell(cell.pictured, cell.missing)}
                    />
                  ))}
                </span>
              </td>
              <td>
                <Sum row={row} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {history.gaps.length > 0 && <WhyNot gaps={history.gaps} zone={history.zone} />}
    </Card>
  )
}

/** Any week, for the names of its days. */
const WEEK = Array.from({ length: WEEKDAYS }, (_, day) => `2026-11-${23 + day}`)

function Sum({ row: { expected, pictured, silent, failed } }: { readonly row: CalendarRow }) {
  const text = useText(deviceText)
  const missing = [silent > 0 && text.silentTimes(silent), failed > 0 && text.failedTimes(failed)].filter(
    Boolean,
  )
  return (
    <>
      {!expected ? pictured : text.ofExpected(pictured, expected)}
      {missing.length > 0 && <span className={css.missing}>{missing.join(', ')}</span>}
    </>
  )
}

function Legend({ rows }: { readonly rows: readonly CalendarRow[] }) {
  const text = useText(deviceText)
  const shown = new Set(rows.flatMap(({ cells }) => cells.map(({ outcome }) => outcome)))
  return (
    <ul className={css.legend}>
      {OUTCOMES.filter((outcome) => shown.has(outcome)).map((outcome) => (
        <li key={outcome}>
          <i data-outcome={outcome} aria-hidden="true" />
          {text.outcomes[outcome]}
        </li>
      ))}
    </ul>
  )
}

/** Of each expected wake without a picture the reason, in words. */
function WhyNot({ gaps, zone }: { readonly gaps: readonly Gap[]; readonly zone: string }) {
  const text = useText(deviceText)
  const words = useGapWords(zone)
  return (
    <>
      <h3 className={css.heading}>{text.whyNot}</h3>
      <FewFirst items={gaps} className={css.gaps}>
        {(gap) => (
          <li key={gap.at}>
            <i data-outcome={gap.reason} aria-hidden="true" />
            <span>
              <strong>{words.when(gap)}</strong> {words.why(gap)}
            </span>
          </li>
        )}
      </FewFirst>
    </>
  )
}
