import { Card } from '@/shared/components/page'
import { useDayWords } from '@/shared/day_words'
import { today } from '@/shared/days'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { overviewText } from '@/shared/messages/overview'
import type { CompanyDay } from './overview'
import css from './overview.module.css'

/** What was expected of today and what came, and the days before as bars. */
export function TodayCard({ days }: { readonly days: readonly CompanyDay[] }) {
  const text = useText(overviewText)
  // In the east a new day has begun already: today is the viewer's.
  const date = today()
  const past = days.filter(({ day }) => day <= date)
  return (
    <Card title={text.today}>
      <Today day={past.find(({ day }) => day === date)} />
      {past.length > 0 && <Bars days={past} today={date} />}
    </Card>
  )
}

function Today({ day }: { readonly day: CompanyDay | undefined }) {
  const text = useText(overviewText)
  const { number } = useFormat()
  if (!day) return <p className={css.lead}>{text.noneToday}</p>
  return (
    <p className={css.lead}>
      {day.expected === null
        ? text.cameUnplanned(number(day.came))
        : text.came(number(day.came), number(day.expected))}
      {day.failed > 0 && <span className={css.bad}> · {text.failed(number(day.failed))}</span>}
    </p>
  )
}

function Bars({ days, today }: { readonly days: readonly CompanyDay[]; readonly today: string }) {
  const text = useText(overviewText)
  const words = useDayWords()
  const wakes = (day: CompanyDay) => Math.max(day.expected ?? 0, day.came + day.failed)
  const most = Math.max(1, ...days.map(wakes))
  return (
    <ol className={css.days} aria-label={text.lastDays}>
      {days.map((day) => {
        const all = wakes(day)
        const label = text.dayBar(words.short(day.day), day.came, all)
        return (
          <li
            key={day.day}
            title={label}
            data-today={day.day === today}
            style={{ height: `${Math.max(3, (all / most) * 100)}%` }}
          >
            <span className={css.hidden}>{label}</span>
            <span className={css.dayFailed} style={{ flexGrow: all - day.came }} aria-hidden="true" />
            <span className={css.dayCame} style={{ flexGrow: day.came }} aria-hidden="true" />
          </li>
        )
      })}
    </ol>
  )
}
