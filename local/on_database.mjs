// Runs a script's work on a PGlite data directory that no server has open, and writes what it returns to stdout as JSON.
// Usage: node SCRIPT <data directory> < text
import { text } from 'node:stream/consumers'
import { PGlite } from '@supabase/lite/pglite'

export async function answer(work) {
  const asked = await text(process.stdin)
  const database = await PGlite.create(process.argv[2])
  let status = 0
  try {
    const said = await work(database, asked)
    await new Promise((written) => process.stdout.write(JSON.stringify(said), written))
  } catch (error) {
    console.error(error.message)
    status = 1
  }
  await database.close()
  // close() sets the exit status to 0, so this assignment must come after it.
  process.exitCode = status
}
