/** Which errors there were, and at which hours of the day. */
import type { CSSProperties } from 'react'
import { CsvButton } from '@/shared/components/csv_button'
import { Card } from '@/shared/components/page'
import { EmptyState } from '@/shared/components/states'
import { type DayRange, noonOf } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { IconCircleCheck, IconHistory } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { errorCodeText } from '@/shared/messages/error_codes'
import { trendsText } from '@/shared/messages/trends'
import { time } from '@/shared/time'
import css from './errors_card.module.css'
import shared from './trends.module.css'
import type { Errors } from './trends_answers'

const HOURS_TOLD = [0, 6, 12, 18]

export function ErrorsCard({ errors, range }: { readonly errors: Errors; readonly range: DayRange }) {
  const text = useText(trendsText)
  const words = useText(errorCodeText)
  const format = useFormat()
  const { codes, oldest, since } = errors
  const first = time(oldest)
  const most = Math.max(1, ...codes.flatMap(([, hours]) => hours))
  // Within the time that is shown there may have been others.
  const isCutShort = first !== null && first.getTime() / 1000 > noonOf(range.from) + 86_400
  if (codes.length === 0) {
    return (
      <Card title={text.errors}>
        {isCutShort ? (
          <EmptyState icon={IconHistory} title={text.noErrorsKept}>
            {text.errorsKept(format.date(first))}
          </EmptyState>
        ) : (
          <EmptyState icon={IconCircleCheck} title={text.noErrorsTitle}>
            {text.noErrors}
          </EmptyState>
        )}
      </Card>
    )
  }
  return (
    <Card title={text.errors} aside={<ErrorsCsv errors={errors} range={range} />}>
      <table className={css.errors}>
        <thead>
          <tr>
            <th scope="col">{text.meaning}</th>
            <th scope="col" className={css.wide}>
              <span className={css.strip}>
                {HOURS_TOLD.map((hour) => (
                  <span key={hour} style={{ gridColumn: `${hour + 1} / span 6` }}>
                    {text.hour(hour)}
                  </span>
                ))}
              </span>
            </th>
            <th scope="col">{text.times}</th>
          </tr>
        </thead>
        <tbody>
          {codes.map(([code, hours]) => {
            const sum = hours.reduce((all, one) => all + one, 0)
            const worst = hours.indexOf(Math.max(...hours))
            return (
              <tr key={code}>
                <th scope="row">
                  {words.say(code)} <small>{code}</small>
                </th>
                <td className={css.wide} aria-hidden="true">
                  <span className={css.strip}>
                    {hours.map((count, hour) => (
                      <i
                        // biome-ignore lint/suspicious/noArrayIndexKey: the hours of a day are always these.
                        key={hour}
                        data-none={count === 0}
                        style={{ '--share': `${20 + 80 * (count / most)}%` } as CSSProperties}
                        title={text.errorsAt(count, text.hour(hour))}
                      />
                    ))}
                  </span>
                </td>
                <td>
                  {format.number(sum)}
                  <small>{text.mostAt(text.hour(worst))}</small>
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      <p className={shared.note}>
        {[
          text.errorsHint,
          isCutShort && text.errorsKept(format.date(first)),
          since !== null && text.errorsCut(format.moment(time(since))),
        ]
          .filter(Boolean)
          .join(' ')}
      </p>
    </Card>
  )
}

function ErrorsCsv({ errors, range }: { readonly errors: Errors; readonly range: DayRange }) {
  const all = useText(trendsText)
  const words = useText(errorCodeText)
  const rows = errors.codes.flatMap(([code, hours]) => hours.map((times, hour) => ({ code, hour, times })))
  return (
    <CsvButton
      of={all.errors}
      file={`${all.csv.meaning}-${range.from}-${range.to}`.toLowerCase()}
      columns={[
        { name: all.csv.code, value: ({ code }) => code },
        { name: all.csv.meaning, value: ({ code }) => words.say(code) },
        { name: all.csv.hour, unit: all.csv.ownClock, value: ({ hour }) => hour },
        { name: all.csv.times, value: ({ times }) => times },
      ]}
      rows={rows}
    />
  )
}
