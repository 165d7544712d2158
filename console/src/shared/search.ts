/** Reads what stands in an address. Whoever typed it may have typed anything: what does not fit is left out. */

const UNREADABLE = /[\0\p{Surrogate}]/u

export function readText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'string' || value === '') return undefined
  // What is no Unicode, or has a NUL, the database refuses.
  return UNREADABLE.test(value) ? undefined : value
}

export function readChoice<Choice extends string>(
  value: unknown,
  choices: readonly Choice[],
): Choice | undefined {
  return choices.find((choice) => choice === value)
}

export function readNumber(value: unknown, least: number, most: number): number | undefined {
  return typeof value === 'number' && value >= least && value <= most ? value : undefined
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return UUID.test(text)
}

export function readUuid(value: unknown): string | undefined {
  const text = readText(value)
  return text !== undefined && isUuid(text) ? text : undefined
}

const DEVICE = /^[\w-]{1,64}$/

/** A device's id; one of digits alone is read from an address as a number. */
export function readDevice(value: unknown): string | undefined {
  const text = readText(value)
  return text !== undefined && DEVICE.test(text) ? text : undefined
}

/** Devices as they stand in an address, with commas between them. */
export function readDevices(value: unknown, most: number): readonly string[] {
  const words = readText(value)?.split(',') ?? []
  return [...new Set(words)].filter((word) => readDevice(word) !== undefined).slice(0, most)
}

/** Without what is undefined, so that an address holds only what was chosen. */
export function compact<Values extends object>(
  values: Values,
): { [Name in keyof Values]?: NonNullable<Values[Name]> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as { [Name in keyof Values]?: NonNullable<Values[Name]> }
}
