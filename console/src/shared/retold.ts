/** Sentences that the database keeps in English alone, in the viewer's language and by the viewer's clock. */
import { useFormat } from './format'
import { type Messages, useText } from './messages/define'

type Sentences = Readonly<Record<string, string>>

const MOMENT = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?) UTC$/
const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/

/** The values that stand where the English sentence has %s; nothing if it is another sentence. */
function valuesIn(told: string, english: string): readonly string[] | undefined {
  const pattern = english
    .split('%s')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('(.+?)')
  return new RegExp(`^${pattern}$`).exec(told)?.slice(1)
}

export function useRetold(all: Messages<Sentences>, zone?: string | null): (told: string) => string {
  const own = useText(all)
  const format = useFormat()
  const write = (value: string) => {
    const [, day, clock] = MOMENT.exec(value) ?? []
    if (day) return format.moment(new Date(`${day}T${clock}Z`), zone)
    return NUMBER.test(value) ? format.number(Number(value)) : value
  }
  return (told) => {
    for (const [name, english] of Object.entries(all.en)) {
      const values = valuesIn(told, english)
      if (values)
        return values.reduce((text, value) => text.replace('%s', () => write(value)), own[name] ?? told)
    }
    // A newer database may know more: then its own words are better than none.
    return told
  }
}
