// Plays calls on a PGlite data directory that no server has open, each at a moment of its own: PGlite takes its time from
// Date.now, so that now() and all that is dated by default are of that moment too.
// Usage: node play.mjs <data directory> < calls.json, an array of [milliseconds since 1970, SQL, parameters]
// It writes the rows of the last call to stdout as JSON.
import { text } from 'node:stream/consumers'
import { PGlite } from '@supabase/lite/pglite'

const calls = JSON.parse(await text(process.stdin))
const database = await PGlite.create(process.argv[2])
let status = 0
try {
  let rows = []
  for (const [at, sql, parameters] of calls) {
    Date.now = () => at
    rows = (await database.query(sql, parameters)).rows
  }
  await new Promise((written) => process.stdout.write(JSON.stringify(rows), written))
} catch (error) {
  console.error(error.message)
  status = 1
}
await database.close()
// close() sets the exit status to 0, so this assignment must come after it.
process.exitCode = status
