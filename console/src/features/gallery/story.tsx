/** How a picture came: in sentences, and step by step. */
import { type Format, useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { storyText, type Told } from '@/shared/messages/story'
import css from './story.module.css'

type Words = (typeof storyText)['en']
type Kind = keyof Words['kinds']

interface Step {
  readonly at: string
  readonly kind: Kind
  readonly [more: string]: string | number
}

export interface PictureStory {
  readonly timeline: readonly Step[]
  /** The text is English, for a code that is newer than this page. */
  readonly sentences: readonly {
    readonly code: string
    readonly params: Readonly<Record<string, string | number>>
    readonly text: string
  }[]
}

const MANY_SECONDS = 120
const MANY_MINUTES = 7_200

export function secondsInWords(seconds: number, format: Format): string {
  if (seconds < 10) return `${format.number(seconds, 1)} s`
  if (seconds < MANY_SECONDS) return `${format.number(seconds)} s`
  if (seconds < MANY_MINUTES) return `${format.number(seconds / 60)} min`
  return `${format.number(seconds / 3_600)} h`
}

/** Moments have names that end in `at`. */
export function toldOf(
  params: Readonly<Record<string, string | number>>,
  format: Format,
  zone: string,
): Told {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      name.endsWith('at')
        ? format.second(String(value), zone)
        : name === 'seconds'
          ? secondsInWords(Number(value), format)
          : String(value),
    ]),
  )
}

const TONES: Readonly<Partial<Record<Kind, 'bad' | 'odd' | 'good'>>> = {
  gap: 'odd',
  asked: 'odd',
  failed: 'odd',
  sent_again: 'odd',
  still_held: 'odd',
  timed_out: 'bad',
  given_up: 'bad',
  stored: 'good',
  acknowledged: 'good',
  gone: 'good',
}

interface StoryProps {
  readonly story: PictureStory
  readonly zone: string
}

export function Story({ story, zone }: StoryProps) {
  const text = useText(storyText)
  const format = useFormat()
  const sentences: Readonly<Record<string, (told: Told) => string>> = text.sentences
  const kinds: Readonly<Record<string, (told: Told) => string>> = text.kinds
  return (
    <section>
      <h3>{text.title}</h3>
      <ul className={css.sentences}>
        {story.sentences.map(({ code, params, text: english }) => (
          <li key={english}>{sentences[code]?.(toldOf(params, format, zone)) ?? english}</li>
        ))}
      </ul>
      {story.timeline.length > 0 && (
        <>
          <h3>{text.timeline}</h3>
          <ol className={css.timeline}>
            {story.timeline.map((step, number) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: steps come in order, and are never moved.
              <li key={number} data-tone={TONES[step.kind]}>
                <time dateTime={step.at}>{format.second(step.at, zone)}</time>
                <span>{kinds[step.kind]?.(toldOf(step, format, zone)) ?? step.kind}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  )
}
