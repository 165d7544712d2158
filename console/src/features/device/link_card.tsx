/** How good the device's connection is, and what would better it. */
import { Fact, Facts } from '@/shared/components/facts'
import { Card } from '@/shared/components/page'
import { type Format, useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { deviceSettingsText } from '@/shared/messages/device_settings'
import { type AdviceCode, linkAdviceText } from '@/shared/messages/link_advice'
import { type Advice, FIGURES, type Figure, type LinkAdvice } from './device_answers'
import css from './settings_page.module.css'

const UNITS: Readonly<Record<Figure, string>> = {
  loss_percent: ' %',
  rssi_dbm: ' dBm',
  asked_per_picture: '×',
  duplicate_percent: ' %',
  transfer_s: ' s',
  chunk_bytes: ' B',
}

/** All else tells of something that can be bettered. */
const TONES: Readonly<Record<string, string>> = { good: 'good', too_few: 'rest' }

function useAdvice(format: Format): (advice: Advice) => string {
  const text = useText(linkAdviceText)
  return ({ code, params, text: told }) => {
    // A newer database may know more: then its own words are better than none.
    if (!(code in text)) return told
    const figures = Object.entries(params).map(([name, value]) => [
      name,
      typeof value === 'number' ? format.number(value, 1) : value,
    ])
    return text[code as AdviceCode](Object.fromEntries(figures))
  }
}

export function LinkCard({ link, zone }: { readonly link: LinkAdvice; readonly zone: string }) {
  const text = useText(deviceSettingsText)
  const format = useFormat()
  const words = useAdvice(format)
  const known = FIGURES.filter((name) => link.figures[name] !== null)
  return (
    <Card title={text.link}>
      <ul className={css.advice}>
        {link.advice.map((advice) => (
          <li key={advice.code} data-tone={TONES[advice.code] ?? 'late'}>
            {words(advice)}
          </li>
        ))}
      </ul>
      {known.length > 0 && (
        <Facts>
          {known.map((name) => (
            <Fact key={name} name={text.figures[name]}>
              {format.number(link.figures[name] ?? 0, 1)}
              {UNITS[name]}
            </Fact>
          ))}
        </Facts>
      )}
      <Hours link={link} />
      <p className={css.soft}>{text.linkOf(format.date(link.since, zone))}</p>
    </Card>
  )
}

/** Where pictures did not come whole: a bar for each hour of the day, as long as their share. */
function Hours({ link: { hours } }: { readonly link: LinkAdvice }) {
  const text = useText(deviceSettingsText)
  const missed = hours.filter(({ timed_out }) => timed_out > 0)
  if (missed.length === 0) return null
  return (
    <>
      <h3 className={css.heading}>{text.byHour}</h3>
      <ul className={css.hours}>
        {missed.map(({ hour, timed_out, pictures }) => (
          <li key={hour}>
            {text.ofSent(hour, timed_out, pictures)}
            <div className={css.bar} aria-hidden="true">
              <span style={{ inlineSize: `${(100 * timed_out) / pictures}%` }} />
            </div>
          </li>
        ))}
      </ul>
    </>
  )
}
