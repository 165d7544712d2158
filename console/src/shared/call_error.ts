/** What may go wrong with a call, by what a person can do about it. */
export type CallErrorKind =
  /** The session is none any more. */
  | 'expired'
  /** The role does not allow it. */
  | 'refused'
  /** There is no such thing, or not for this user. */
  | 'missing'
  /** The database says why it does not take this. */
  | 'invalid'
  /** Nothing was heard of the server. */
  | 'unreachable'
  /** The server cannot do it now. */
  | 'busy'
  | 'unknown'

export class CallError extends Error {
  readonly kind: CallErrorKind
  readonly code: string

  constructor(kind: CallErrorKind, message: string, code = '') {
    super(message)
    this.name = 'CallError'
    this.kind = kind
    this.code = code
  }
}

export interface Failed {
  readonly error: {
    readonly message: string
    readonly code?: string | undefined
    readonly status?: number | undefined
  } | null
  readonly status?: number
}

function kindOf(status: number, code: string): CallErrorKind {
  if (status === 401 || code === 'PGRST301' || code === 'PGRST302' || code === 'PGRST303') return 'expired'
  if (code === '42501' || status === 403) return 'refused'
  if (code === 'PT404' || status === 404) return 'missing'
  if (status === 0) return 'unreachable'
  // A statement that was cancelled, a lock that was not had, a pool without a connection.
  if (status >= 500 || status === 429 || ['57014', '55P03', '53300', 'PGRST003'].includes(code)) return 'busy'
  if (status >= 400) return 'invalid'
  return 'unknown'
}

/** Reads what supabase-js answers: a reply of tables and functions has a status, of the others the error. 0: nothing was heard. */
export function callError(reply: Failed): CallError {
  const { message = '', code = '', status = 0 } = reply.error ?? {}
  return new CallError(kindOf(reply.status ?? status, code), message, code)
}
