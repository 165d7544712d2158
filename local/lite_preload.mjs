// Loaded into Supabase Lite before it starts: makes it answer as hosted Supabase does, where browsers and clients depend on it.
//
// Downloads: it streams files with FileHandle.readableWebStream(). Before Node.js 24 that method gives chunks
// that the HTTP server cannot send, so the connection breaks after the headers. On every version it leaves
// the file open.
import { createHmac, randomUUID } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const file = await open(fileURLToPath(import.meta.url))
const prototype = Object.getPrototypeOf(file)
await file.close()

prototype.readableWebStream = function readableWebStream() {
  return Readable.toWeb(this.createReadStream())
}

// Signed links: hosted Storage answers `signedURL`, below /storage/v1, for one object and for many at once. Supabase Lite
// answers `signedUrl` for one, and takes many for an object's name. So one is asked for by itself. Of many the database says
// in one question which of them this user may see, as hosted Storage asks it, and the links are made here: a request for
// each would cost ten milliseconds of CPU.
const SIGN = /^\/storage\/v1\/object\/sign\/([^/?]+)(\/[^?]*)?$/
const INNER = 'x-inner'
const OWN = randomUUID()
const MOST_BYTES = 1_000_000
const TOO_LARGE = [413, { message: 'too large' }]
const emit = http.Server.prototype.emit

async function signOne(address, headers, path, expiresIn) {
  const asked = `${address}/${path.split('/').map(encodeURIComponent).join('/')}`
  const answer = await fetch(asked, { method: 'POST', headers, body: JSON.stringify({ expiresIn }) })
  const { signedUrl, ...rest } = await answer.json()
  return answer.ok ? [200, { signedURL: signedUrl.replace(/^\/storage\/v1/, '') }] : [answer.status, rest]
}

function signatureOf(told) {
  return createHmac('sha256', process.env.SUPABASE_JWT_SECRET).update(told).digest('base64url')
}

// A link to an object as Supabase Lite makes it.
function linkTo(bucket, path, expiresIn) {
  const iat = Math.floor(Date.now() / 1000)
  const parts = [
    { alg: 'HS256', typ: 'JWT' },
    { sub: path, bucket, intent: 'download', iat, exp: iat + expiresIn },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  const told = parts.join('.')
  const name = path.split('/').map(encodeURIComponent).join('/')
  return `/object/sign/${bucket}/${name}?token=${told}.${signatureOf(told)}`
}

async function signMany(server, headers, bucket, { paths, expiresIn }) {
  const quoted = paths.map((path) => `"${path.replace(/["\\]/g, '\\$&')}"`)
  const query = new URLSearchParams({ select: 'name', bucket_id: `eq.${bucket}`, name: `in.(${quoted})` })
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/rest/v1/objects?${query}`, {
    headers: { ...headers, 'accept-profile': 'storage' },
  })
  const found = await answer.json()
  if (!answer.ok) return [answer.status, found]
  const seen = new Set(found.map(({ name }) => name))
  const refused = 'Either the object does not exist or you do not have access to it'
  return [
    200,
    paths.map((path) =>
      seen.has(path)
        ? { error: null, path, signedURL: linkTo(bucket, path, expiresIn) }
        : { error: refused, path, signedURL: null },
    ),
  ]
}

async function bodyOf(request) {
  let text = ''
  for await (const part of request.setEncoding('utf8')) {
    text += part
    if (text.length > MOST_BYTES) return null
  }
  return text
}

// What a request that this file makes in the place of another says of who asks.
function headersOf({ headers: { apikey = '', authorization } }) {
  return { 'content-type': 'application/json', [INNER]: OWN, apikey, ...(authorization && { authorization }) }
}

async function signAsHosted(server, request, bucket, path) {
  const text = await bodyOf(request)
  if (text === null) return TOO_LARGE
  const body = JSON.parse(text)
  const headers = headersOf(request)
  if (!path) return signMany(server, headers, bucket, body)
  const address = `http://127.0.0.1:${server.address().port}/storage/v1/object/sign/${bucket}`
  return signOne(address, headers, decodeURIComponent(path), body.expiresIn)
}

// Times of accounts: hosted Supabase writes them as RFC 3339 has it, and supabase-py takes no other. Supabase Lite writes
// `2026-11-28 15:23:16.217+00`.
const ACCOUNT = /^\/auth\/v1\/(token|signup|user)(\?|$)/
const LITE_TIME = /"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00"/g

async function accountAsHosted(server, request) {
  const { method, url } = request
  const text = await bodyOf(request)
  if (text === null) return TOO_LARGE
  const address = `http://127.0.0.1:${server.address().port}${url}`
  const answer = await fetch(address, { method, headers: headersOf(request), ...(text && { body: text }) })
  return [answer.status, JSON.parse((await answer.text()).replace(LITE_TIME, '"$1T$2Z"'))]
}

// Pictures by their links: for each, Supabase Lite writes into the object's row that it was fetched, which costs more than all
// else of it; hosted Storage reads. So what a link that holds leads to is read here. All other links are Supabase Lite's.
const LINKED = /^\/storage\/v1\/object\/sign\/([^/?]+)\/([^?]+\.jpg)\?token=([\w-]+\.([\w-]+))\.([\w-]+)$/

async function pictureOf({ method, url }) {
  const [, bucket, name, told, claims, signature] = (method === 'GET' && LINKED.exec(url)) || []
  if (!told || signature !== signatureOf(told)) return null
  const path = decodeURIComponent(name)
  const { sub, bucket: held, intent, exp } = JSON.parse(Buffer.from(claims, 'base64url'))
  if (sub !== path || held !== bucket || intent !== 'download' || exp * 1000 <= Date.now()) return null
  return readFile(join('supabase', '.temp', 'storage', bucket, path))
}

function endWithPicture(response, picture) {
  response.writeHead(200, {
    'content-type': 'image/jpeg',
    'content-length': picture.length,
    'cache-control': 'no-cache',
    'access-control-allow-origin': '*',
  })
  response.end(picture)
}

function end(response, [status, answer]) {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(answer))
}

// Hosted, the schema of storage has no API: only what is asked here may ask for it.
const NO_API = [406, { code: 'PGRST106', message: 'Invalid schema: storage', details: null, hint: null }]

http.Server.prototype.emit = function emitRepaired(event, ...rest) {
  const [request, response] = rest
  const original = () => emit.call(this, event, ...rest)
  if (event !== 'request' || request.headers[INNER] === OWN) return original()
  const { 'accept-profile': reads, 'content-profile': writes } = request.headers
  const found = request.method === 'POST' && SIGN.exec(request.url)
  const isAccount = request.method !== 'OPTIONS' && ACCOUNT.test(request.url)
  if (reads === 'storage' || writes === 'storage') end(response, NO_API)
  else if (found || isAccount)
    (found ? signAsHosted(this, request, found[1], found[2]?.slice(1)) : accountAsHosted(this, request))
      .catch((error) => [400, { message: String(error) }])
      .then((answer) => end(response, answer))
  else if (LINKED.test(request.url))
    pictureOf(request)
      .catch(() => null)
      .then((picture) => (picture ? endWithPicture(response, picture) : original()))
  else return original()
  return true
}
