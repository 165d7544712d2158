/** Time zones: the viewer's, and those that a site or a device may have. */

export const VIEWER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** Whether the browser can tell times of this zone. */
export function isZone(zone: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

/** What is offered where a zone is chosen: it has the one that was chosen before also if the browser does not name it. */
export function zonesWith(chosen: string): readonly string[] {
  return [...new Set([chosen, 'UTC', ...Intl.supportedValuesOf('timeZone')])].filter((zone) => zone !== '')
}
