/** Texts in every language: what English says, the others must say too, or the page does not compile. */
import { type Language, useSettings } from '@/shared/settings'

type Text = string | ((...values: never[]) => string)
export interface Texts {
  readonly [name: string]: Text | Texts
}
/** The same names; a text is any text, a function takes what the English one takes. */
type Alike<T> = {
  readonly [Name in keyof T]: T[Name] extends string
    ? string
    : T[Name] extends (...values: infer Values) => string
      ? (...values: Values) => string
      : Alike<T[Name]>
}
export type Messages<T> = Readonly<Record<Language, Alike<T>>>

export function messages<const T extends Texts>(en: T, de: Alike<T>): Messages<T> {
  return { en: en as unknown as Alike<T>, de }
}

/** The texts in the viewer's language. */
export function useText<T>(all: Messages<T>): Alike<T> {
  return all[useSettings().language]
}

/** One or several: both languages know no other plural. */
export function plural(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`
}

type Unit = readonly [one: string, several: string]

/** How often, in full hours where it is that: “every hour”, “every 90 minutes”. */
export function repeated(minutes: number, each: string, minute: Unit, hour: Unit): string {
  const [count, [one, several]] = minutes % 60 === 0 ? [minutes / 60, hour] : [minutes, minute]
  return count === 1 ? one : `${each} ${count} ${several}`
}
