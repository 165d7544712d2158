/** The code in what a label's QR code says: the code alone, or a link with `#code=` and the code. */
export function codeIn(read: string): string {
  const hash = read.split('#')[1]
  const code = hash === undefined ? read : new URLSearchParams(hash).get('code')
  return (code ?? '').trim().slice(0, 64)
}
