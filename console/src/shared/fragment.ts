/**
 * What stands behind the `#` of an address, over signing in: a label's link has its code there, which is in no address
 * that a server or the history sees. It is for that address alone, in this tab, once.
 */
const KEY = 'fleet-fragment'

export function keepFragment(path: string, fragment: string): void {
  if (fragment === '') sessionStorage.removeItem(KEY)
  else sessionStorage.setItem(KEY, JSON.stringify([path, fragment]))
}

/** The address with what was kept for it. */
export function withFragment(path: string): string {
  const [of, fragment] = JSON.parse(sessionStorage.getItem(KEY) ?? '[]')
  sessionStorage.removeItem(KEY)
  return of === path ? `${path}#${fragment}` : path
}
