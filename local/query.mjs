// Runs the statements of SQL text, and answers [{columns, rows}, …], one element per statement.
import { answer } from './on_database.mjs'

await answer(async (database, sql) => {
  const results = await database.exec(sql, { rowMode: 'array' })
  return results.map(({ fields, rows }) => ({ columns: fields.map(({ name }) => name), rows }))
})
