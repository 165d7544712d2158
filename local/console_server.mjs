// Serves the built console and Supabase on one port, as a host and a hosted project would together.
// Usage: node console_server.mjs <port> <folder of the console> <URL of Supabase> <publishable key>
// Every answer of the page has the headers of headers.json; /auth, /rest and /storage are Supabase's.
import { readFileSync, statSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { gzipSync } from 'node:zlib'

const [port, folder, supabase, key] = process.argv.slice(2)
const dist = path.join(folder, 'dist')
const headers = JSON.parse(readFileSync(path.join(folder, 'headers.json'), 'utf8'))
const target = new URL(supabase)
// Supabase closes a connection that was idle for 5 s, and pages ask again after just that: who comes first must be clear.
const agent = new http.Agent({ keepAlive: true, timeout: 3_000 })
const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
}

function forward(request, response) {
  const options = { host: target.hostname, port: target.port, method: request.method, path: request.url, agent }
  const asked = http.request({ ...options, headers: { ...request.headers, host: target.host } }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    answer.pipe(response)
  })
  asked.on('error', () => {
    if (!response.headersSent) response.writeHead(502, { 'content-type': 'application/json' })
    response.end('{"message":"Supabase does not answer"}')
  })
  response.on('close', () => asked.destroy())
  request.pipe(asked)
}

// The file of an address, or the page itself, whose own addresses are those that name no file.
function fileOf(url) {
  const asked = path.normalize(path.join(dist, decodeURIComponent(new URL(url, 'http://x').pathname)))
  if (!asked.startsWith(dist + path.sep)) return path.join(dist, 'index.html')
  if (statSync(asked, { throwIfNoEntry: false })?.isFile()) return asked
  return path.extname(asked) && asked.startsWith(path.join(dist, 'assets')) ? null : path.join(dist, 'index.html')
}

const packedFiles = new Map()

// A file as it is sent, packed once: the code of the page takes 20 ms.
function packedOf(file) {
  const { mtimeMs } = statSync(file)
  if (packedFiles.get(file)?.mtimeMs !== mtimeMs) packedFiles.set(file, { mtimeMs, content: gzipSync(readFileSync(file)) })
  return packedFiles.get(file).content
}

function serve(request, response) {
  if (request.url === '/config.js') {
    const config = JSON.stringify({ url: '', key })
    response.writeHead(200, { ...headers, 'content-type': TYPES['.js'], 'cache-control': 'no-store' })
    return response.end(`window.CONSOLE_CONFIG = ${config}\n`)
  }
  const file = fileOf(request.url)
  if (file === null) return response.writeHead(404, headers).end()
  const type = TYPES[path.extname(file)] ?? 'application/octet-stream'
  // Vite names assets by what is in them, so they never change.
  const kept = file.includes(`${path.sep}assets${path.sep}`) ? 'public, max-age=31536000, immutable' : 'no-cache'
  const isPacked = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '') && !type.includes('octet-stream')
  const content = isPacked ? packedOf(file) : readFileSync(file)
  response.writeHead(200, {
    ...headers,
    'content-type': type,
    'content-length': content.length,
    'cache-control': kept,
    vary: 'accept-encoding',
    ...(isPacked && { 'content-encoding': 'gzip' }),
  })
  response.end(content)
}

http
  .createServer((request, response) => {
    try {
      if (/^\/(auth|rest|storage)\/v1\//.test(request.url)) forward(request, response)
      else serve(request, response)
    } catch {
      response.writeHead(400, headers).end()
    }
  })
  .listen(Number(port), '127.0.0.1')
