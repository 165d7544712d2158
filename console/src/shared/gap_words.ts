/** Why an expected picture did not come, in the viewer's words: the database says it in English. */
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { errorCodeText } from '@/shared/messages/error_codes'
import { gapText } from '@/shared/messages/gaps'
import { time } from '@/shared/time'

export const REASONS = ['offline', 'asleep', 'camera', 'transfer', 'service', 'unknown'] as const
export type Reason = (typeof REASONS)[number]

/** An expected wake without a picture, as device_gaps() tells it. */
export interface Gap {
  readonly at: string
  readonly reason: Reason
  readonly code: string
  readonly params: {
    readonly at?: string
    readonly until_on?: string
    readonly last_on?: string
    readonly percent?: number
    readonly error_code?: number
  }
  readonly sentence: string
}

export interface GapWords {
  when: (gap: Gap) => string
  why: (gap: Gap) => string
}

export function useGapWords(zone: string): GapWords {
  return useGapWordsOf()(zone)
}

type Told = (at: string | undefined) => string

/** The words for the gaps of devices in several zones. */
export function useGapWordsOf(): (zone: string) => GapWords {
  const format = useFormat()
  const text = useText(gapText)
  const codes = useText(errorCodeText)
  const known: Readonly<Record<string, (gap: Gap, told: Told) => string>> = {
    camera_failed: ({ params }) => codes.say(params.error_code ?? null),
    transfer_failed: ({ params }) => codes.say(params.error_code ?? null),
    service_failed: ({ params }) => codes.say(params.error_code ?? null),
    camera_errors: ({ params }, told) => text.errors(told(params.at), codes.say(params.error_code ?? null)),
    transfer_errors: ({ params }, told) => text.errors(told(params.at), codes.say(params.error_code ?? null)),
    nothing_came: ({ params }, told) => text.nothingCame(told(params.at)),
    not_asked: ({ params }, told) => text.notAsked(told(params.at)),
    not_due: ({ params }, told) => text.notDue(told(params.at)),
    not_kept: () => text.notKept,
    told_later: ({ params }, told) => text.toldLater(told(params.until_on)),
    heard_nobody: () => text.heardNobody,
    never_heard: () => text.neverHeard,
    battery: ({ params }, told) => text.battery(told(params.last_on), `${params.percent}`),
    silent: ({ params }, told) => text.silent(told(params.last_on)),
  }
  return (zone) => {
    const told: Told = (at) => format.moment(time(at ?? null), zone)
    return {
      when: ({ at }) => told(at),
      // A newer database may know more: then its own words are better than none.
      why: (gap) => known[gap.code]?.(gap, told) ?? gap.sentence,
    }
  }
}
