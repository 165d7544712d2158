/** Reads what stands in an address. Whoever typed it may have typed anything: what does not fit is left out. */

export function readText(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' ? String(value) : undefined
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

export function readUuid(value: unknown): string | undefined {
  const text = readText(value)
  return text !== undefined && UUID.test(text) ? text : undefined
}

const DEVICE = /^[\w-]{1,64}$/

/** Devices as they stand in an address, with commas between them. */
export function readDevices(value: unknown, most: number): readonly string[] {
  // An id of digits alone is read from an address as a number.
  const words = typeof value === 'string' || typeof value === 'number' ? String(value).split(',') : []
  return [...new Set(words.filter((word) => DEVICE.test(word)))].slice(0, most)
}

/** Without what is undefined, so that an address holds only what was chosen. */
export function compact<Values extends object>(
  values: Values,
): { [Name in keyof Values]?: NonNullable<Values[Name]> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as { [Name in keyof Values]?: NonNullable<Values[Name]> }
}
