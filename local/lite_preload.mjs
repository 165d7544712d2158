// Loaded into Supabase Lite before it starts: makes its storage downloads work on Node.js 20 and later.
// Supabase Lite streams files with FileHandle.readableWebStream(). Before Node.js 24 that method gives chunks
// that the HTTP server cannot send, so the connection breaks after the headers. On every version it leaves
// the file open.
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const file = await open(fileURLToPath(import.meta.url))
const prototype = Object.getPrototypeOf(file)
await file.close()

prototype.readableWebStream = function readableWebStream() {
  return Readable.toWeb(this.createReadStream())
}
