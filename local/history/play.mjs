// Plays calls, an array of [milliseconds since 1970, SQL, parameters], each at a moment of its own: PGlite takes its time from
// Date.now, so that now() and all that is dated by default are of that moment too. It answers the rows of the last call.
import { answer } from '../on_database.mjs'

await answer(async (database, calls) => {
  let rows = []
  for (const [at, sql, parameters] of JSON.parse(calls)) {
    Date.now = () => at
    rows = (await database.query(sql, parameters)).rows
  }
  return rows
})
