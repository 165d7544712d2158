/** One entry of the audit log: what was changed, by whom, when, from what to what. */
import { type Change, subjectOf, useChangeWords } from '@/shared/change_words'
import { Row } from './rows'
import { When } from './when'

interface ChangeRowProps {
  readonly change: Change
  readonly sites?: ReadonlyMap<string, string>
  /** On the page of a device its own id is not told again. */
  readonly isOfPage?: boolean
}

export function ChangeRow({ change, sites, isOfPage = false }: ChangeRowProps) {
  const words = useChangeWords(sites)
  const subject = isOfPage ? null : subjectOf(change)
  return (
    <Row title={words.title(change)}>
      {words.who(change)} · <When at={change.at} exact />
      {subject !== null && ` · ${subject}`}
      {words.details(change, isOfPage ? 'device_id' : undefined).map((detail) => (
        <div key={detail}>{detail}</div>
      ))}
    </Row>
  )
}
