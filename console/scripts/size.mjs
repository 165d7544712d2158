// The budget: 200 kB of JavaScript at the first load, 30 kB more for a page, 50 kB for what a page loads when somebody asks for
// it; all with gzip. Reads Vite's manifest.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const FIRST_KB = 200
const PAGE_KB = 30
const ASKED_KB = 50
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))
const kilobytes = (chunks) =>
  [...chunks].reduce(
    (sum, key) => sum + gzipSync(readFileSync(new URL(manifest[key].file, dist))).length,
    0,
  ) / 1000

function withImports(key, found = new Set()) {
  if (found.has(key)) return found
  found.add(key)
  for (const imported of manifest[key].imports ?? []) withImports(imported, found)
  return found
}

const first = withImports('index.html')

/** What is loaded already where this is: with a page, or with the first load for a page. */
function loadedBefore(key) {
  const askers = Object.keys(manifest).filter((asker) => manifest[asker].dynamicImports?.includes(key))
  if (askers.some((asker) => first.has(asker))) return first
  const [one, ...others] = askers.map((asker) => withImports(asker, new Set(first)))
  return new Set([...one].filter((chunk) => others.every((other) => other.has(chunk))))
}

const rows = [['first load', kilobytes(first), FIRST_KB]]
for (const [key, { isDynamicEntry }] of Object.entries(manifest)) {
  if (!isDynamicEntry) continue
  const before = loadedBefore(key)
  const more = [...withImports(key)].filter((chunk) => !before.has(chunk))
  rows.push([key.replace('src/', ''), kilobytes(more), before === first ? PAGE_KB : ASKED_KB])
}
let over = 0
for (const [name, size, most] of rows.sort((a, b) => b[1] - a[1])) {
  const mark = size > most ? '✗' : '✓'
  over += size > most ? 1 : 0
  console.log(`${mark} ${size.toFixed(1).padStart(6)} of ${most} kB  ${name}`)
}
process.exitCode = over ? 1 : 0
