import { messages } from './define'

/** What was expected and what came of it, in tables, charts and files. */
export const outcomeText = messages(
  {
    expected: 'Expected',
    came: 'Came',
    whole: 'Whole',
    partial: 'Partial',
    share: 'Share',
    failed: 'Failed',
    missing: 'Nothing came',
    ofExpected: (came: string, expected: string, share: string) =>
      `${came} of ${expected} expected pictures came (${share}).`,
    unplanned: (came: string) => `${came} pictures came; none were scheduled.`,
    csv: {
      expected: 'expected',
      silent: 'not heard',
      whole: 'whole',
      partial: 'partial',
      camera: 'failed: camera',
      transfer: 'failed: transfer',
      service: 'failed: service',
    },
  },
  {
    expected: 'Erwartet',
    came: 'Gekommen',
    whole: 'Ganz',
    partial: 'Zum Teil',
    share: 'Anteil',
    failed: 'Misslungen',
    missing: 'Nichts kam',
    ofExpected: (came, expected, share) => `${came} von ${expected} erwarteten Bildern kamen (${share}).`,
    unplanned: (came) => `${came} Bilder kamen; nach Plan keine.`,
    csv: {
      expected: 'erwartet',
      silent: 'nicht gehört',
      whole: 'ganz',
      partial: 'zum Teil',
      camera: 'misslungen: Kamera',
      transfer: 'misslungen: Übertragung',
      service: 'misslungen: Dienst',
    },
  },
)
