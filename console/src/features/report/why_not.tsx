/** What did not come of a device, and why. */
import type { UseQueryResult } from '@tanstack/react-query'
import { ErrorState } from '@/shared/components/states'
import { useFormat } from '@/shared/format'
import { useGapWords } from '@/shared/gap_words'
import { useText } from '@/shared/messages/define'
import { reportText } from '@/shared/messages/report'
import type { Outcome } from '@/shared/outcome'
import css from './report.module.css'
import type { ReportDevice, ReportGap } from './report_answers'
import { runsOf } from './runs'

const CAUSES = ['silent', 'camera', 'transfer', 'service', 'partial'] as const

interface WhyNotProps {
  readonly device: ReportDevice
  readonly outcome: Outcome
  readonly gaps: UseQueryResult<readonly ReportGap[], Error>
  /** How many of a device are told. */
  readonly most: number
  readonly heading: 'h3' | 'h4'
}

export function WhyNot({ device, outcome, gaps, most, heading: Heading }: WhyNotProps) {
  const text = useText(reportText)
  const { number } = useFormat()
  const causes = CAUSES.filter((cause) => outcome[cause] > 0).map((cause) =>
    text.causes[cause](number(outcome[cause])),
  )
  if (outcome.missing + outcome.failed + outcome.partial === 0)
    return <p className={css.small}>{text.allCame}</p>
  return (
    <>
      <Heading className={css.heading}>
        {text.whyNot} <small>{causes.join(', ')}</small>
      </Heading>
      {gaps.isError && !gaps.data ? (
        <ErrorState error={gaps.error} retry={() => void gaps.refetch()} />
      ) : gaps.data ? (
        <Reasons
          device={device}
          gaps={gaps.data.filter(({ device_id }) => device_id === device.device_id)}
          most={most}
        />
      ) : (
        <p className={css.small} role="status">
          {text.looking}
        </p>
      )}
    </>
  )
}

interface ReasonsProps {
  readonly device: ReportDevice
  readonly gaps: readonly ReportGap[]
  readonly most: number
}

function Reasons({ device, gaps, most }: ReasonsProps) {
  const text = useText(reportText)
  const words = useGapWords(device.zone)
  if (gaps.length === 0) return <p className={css.small}>{text.noReasons}</p>
  return (
    <>
      <ul className={css.reasons}>
        {runsOf(gaps).map(({ first, last, count }) => (
          <li key={first.at}>
            <strong>
              {count === 1 ? words.when(first) : text.run(words.when(first), words.when(last), count)}
            </strong>{' '}
            {words.why(first)}
          </li>
        ))}
      </ul>
      {gaps.length >= most && <p className={css.small}>{text.oldest(gaps.length)}</p>}
    </>
  )
}
