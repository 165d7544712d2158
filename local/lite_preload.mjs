// Loaded into Supabase Lite before it starts: makes its storage downloads work on every Node.js from 20 on.
// It streams files with FileHandle.readableWebStream(), which before Node.js 24 gives chunks that its HTTP server
// cannot send (the connection breaks off after the headers), and which leaves the file open on all of them.
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const file = await open(fileURLToPath(import.meta.url))
const prototype = Object.getPrototypeOf(file)
await file.close()

prototype.readableWebStream = function readableWebStream() {
  return Readable.toWeb(this.createReadStream())
}
