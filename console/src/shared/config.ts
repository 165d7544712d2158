/** What config.js beside the bundle says. It is made when the page is served, so one bundle serves everywhere. */

interface Config {
  /** Where Supabase is; empty means on the page's own origin. */
  readonly url: string
  /** The publishable key. It opens nothing by itself: row level security asks who has signed in. */
  readonly key: string
  readonly bucket: string
}

declare global {
  interface Window {
    CONSOLE_CONFIG?: Partial<Config>
  }
}

function read(): Config {
  const { url, key, bucket } = window.CONSOLE_CONFIG ?? {}
  return { url: url || window.location.origin, key: key ?? '', bucket: bucket || 'gxp-captures' }
}

export const config = read()
