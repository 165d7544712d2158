/** What is told of one picture: when and whose it is, its readings, and all about the file. */
import type { ReactNode } from 'react'
import { type Format, useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { errorCodeText } from '@/shared/messages/error_codes'
import { galleryText } from '@/shared/messages/gallery'
import { pictureHealthText } from '@/shared/messages/picture_health'
import { useRetold } from '@/shared/retold'
import { type Ask, AskAgain } from './ask_again'
import type { Picture } from './buckets'
import css from './details.module.css'
import { useLabel } from './label'
import { type PictureStory, Story } from './story'

const READINGS = {
  temperature_c: { unit: '°C', digits: 1 },
  humidity_pct: { unit: '%', digits: 0 },
  pressure_hpa: { unit: 'hPa', digits: 0 },
  gas_kohm: { unit: 'kΩ', digits: 1 },
} as const
type Reading = keyof typeof READINGS

export interface PictureDetails extends Picture {
  readonly name: string
  readonly bytes: number | null
  readonly width: number | null
  readonly height: number | null
  readonly chunks: number | null
  readonly sha256: string | null
  readonly health_reason: string | null
  readonly error_code: number | null
  readonly firmware: string | null
  readonly stored_at: string | null
  readonly expired_at: string | null
  readonly expired_by: string | null
  readonly timezone: string
  readonly readings: Readonly<Partial<Record<Reading, number>>> | null
  readonly story: PictureStory
  readonly asks: readonly Ask[]
  readonly next_wake_at: string | null
  /** What it is compared with. */
  readonly other?: Picture
  readonly same_hour?: readonly Picture[]
}

declare module '@/shared/call' {
  interface Answers {
    console_picture: PictureDetails
  }
}

interface DetailsProps {
  readonly picture: PictureDetails
  readonly name: string
  /** What may be done with it. */
  readonly children: ReactNode
}

export function Details({ picture, name, children }: DetailsProps) {
  const text = useText(galleryText)
  const format = useFormat()
  const label = useLabel()(picture)
  const { status, readings, story, timezone } = picture
  const told = (Object.keys(READINGS) as Reading[]).flatMap((reading) => {
    const value = readings?.[reading]
    return value === undefined ? [] : [[reading, value] as const]
  })
  return (
    <div className={css.details}>
      <header>
        <h2>{name}</h2>
        <p>
          {format.date(picture.at, picture.timezone)}, {format.clock(picture.at, picture.timezone)}
        </p>
        {label && (
          <p className={css.label} data-tone={status === 'stored' ? 'odd' : status}>
            {label}
          </p>
        )}
        <Note picture={picture} />
      </header>
      <div className={css.actions}>{children}</div>
      <AskAgain picture={picture} />
      <section>
        <h3>{text.readings}</h3>
        {told.length > 0 ? (
          <dl className={css.readings}>
            {told.map(([reading, value]) => (
              <div key={reading}>
                <dt>{text.reading[reading]}</dt>
                <dd>
                  {format.number(value, READINGS[reading].digits)} <small>{READINGS[reading].unit}</small>
                </dd>
              </div>
            ))}
          </dl>
        ) : (
          <p className={css.soft}>{text.noReadings}</p>
        )}
      </section>
      <section>
        <h3>{text.facts}</h3>
        <dl className={css.facts}>
          {factsOf(picture, format).map(([fact, value]) => (
            <div key={fact}>
              <dt>{text.fact[fact]}</dt>
              <dd className={fact === 'sha256' || fact === 'name' ? css.code : undefined}>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      <Story story={story} zone={timezone} />
    </div>
  )
}

/** Why it is not as it should be, in a sentence. */
function Note({ picture }: { readonly picture: PictureDetails }) {
  const text = useText(galleryText)
  const format = useFormat()
  const codes = useText(errorCodeText)
  const { status, share, health_reason, error_code, timezone } = picture
  const retold = useRetold(pictureHealthText, timezone)
  if (status === 'partial' && share !== undefined) {
    return <p className={css.soft}>{text.partialRows(format.percent(share))}</p>
  }
  if (status === 'failed') return <p className={css.soft}>{codes.say(error_code)}</p>
  return health_reason ? <p className={css.soft}>{retold(health_reason)}</p> : null
}

type Fact = keyof (typeof galleryText)['en']['fact']

function factsOf(picture: PictureDetails, format: Format): readonly (readonly [Fact, string])[] {
  const { name, stored_at, bytes, width, height, chunks, firmware, sha256, error_code } = picture
  const facts: readonly (readonly [Fact, string | false | null])[] = [
    ['name', name],
    ['stored', stored_at && format.moment(stored_at, picture.timezone)],
    ['size', bytes !== null && format.bytes(bytes)],
    ['pixels', width !== null && height !== null && `${width} × ${height}`],
    ['chunks', chunks !== null && format.number(chunks)],
    ['firmware', firmware],
    ['error', error_code !== null && String(error_code)],
    ['sha256', sha256],
  ]
  return facts.filter((fact): fact is readonly [Fact, string] => Boolean(fact[1]))
}
