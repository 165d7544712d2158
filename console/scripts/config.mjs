// Writes dist/config.js from the environment: SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, and SUPABASE_STORAGE_BUCKET where
// the bucket has another name. With --same-origin the page asks Supabase at its own address (see Caddyfile).
import { writeFileSync } from 'node:fs'

const sameOrigin = process.argv.includes('--same-origin')
const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: key, SUPABASE_STORAGE_BUCKET: bucket } = process.env

function end(reason) {
  console.error(`config.js: ${reason}`)
  process.exit(1)
}

/** The role that an older key, a JWT, is for. */
function roleOf(jwt) {
  try {
    return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()).role
  } catch {
    return undefined
  }
}

if (!sameOrigin && !/^https?:\/\/[^/]+\/?$/.test(url ?? ''))
  end('SUPABASE_URL is no address like https://<project>.supabase.co')
if (!key) end('SUPABASE_PUBLISHABLE_KEY is missing')
// Whoever opens the page can read it.
if (key.startsWith('sb_secret_') || roleOf(key) === 'service_role')
  end('this is the secret key: take the publishable one')

const config = { url: sameOrigin ? '' : url.replace(/\/$/, ''), key, ...(bucket && { bucket }) }
writeFileSync(
  new URL('../dist/config.js', import.meta.url),
  `window.CONSOLE_CONFIG = ${JSON.stringify(config)}\n`,
)
