// Runs SQL text on a PGlite data directory that no server has open.
// Usage: node query.mjs <data directory> < text.sql
// It writes JSON to stdout: [{columns, rows}, …], one element per statement.
import { PGlite } from '@supabase/lite/pglite'

let text = ''
for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk

const database = await PGlite.create(process.argv[2])
let status = 0
try {
  const results = await database.exec(text, { rowMode: 'array' })
  const answers = results.map(({ fields, rows }) => ({ columns: fields.map(({ name }) => name), rows }))
  await new Promise((written) => process.stdout.write(JSON.stringify(answers), written))
} catch (error) {
  console.error(error.message)
  status = 1
}
await database.close()
// close() sets the exit status to 0, so this assignment must come after it.
process.exitCode = status
