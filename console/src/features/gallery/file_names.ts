/** Names of files that say whose picture it is, and when it was taken. */

// What some system does not let stand in the name of a file.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out.
const REFUSED = /[\\/:*?"<>|\u0000-\u001f\u007f]+/g

function stamp(at: Date, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(at)
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? ''
  return `${of('year')}-${of('month')}-${of('day')} ${of('hour')}.${of('minute')}.${of('second')}`
}

export function fileStem(text: string): string {
  return text.replaceAll(REFUSED, '_').replace(/^[. ]+|[. ]+$/g, '') || '_'
}

/** Gives each picture a name of its own: "North bed 2026-11-20 12.00.00.jpg", with a number if that is taken. */
export function fileNames(): (device: string, at: Date, zone: string) => string {
  const taken = new Map<string, number>()
  return (device, at, zone) => {
    const stem = `${fileStem(device)} ${stamp(at, zone)}`
    const key = stem.toLowerCase()
    const times = (taken.get(key) ?? 0) + 1
    taken.set(key, times)
    return times === 1 ? `${stem}.jpg` : `${stem} (${times}).jpg`
  }
}
