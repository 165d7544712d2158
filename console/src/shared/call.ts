/**
 * The way to the database: functions by `useCall` and `useAction`, tables by `useRows`.
 *
 * The types come from database.ts. A function that answers jsonb gets the type of its answer where it is used:
 *     declare module '@/shared/call' { interface Answers { console_devices: DeviceList } }
 */
import {
  keepPreviousData,
  queryOptions,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { type CallError, callError, type Failed } from './call_error'
import type { Database } from './database'
import { renewSession, signedIn } from './session'
import { database } from './supabase'

type Functions = Database['public']['Functions']
export type FunctionName = keyof Functions & string
export type Arguments<Name extends FunctionName> = Functions[Name]['Args']

// biome-ignore lint/suspicious/noEmptyInterface: features add to it.
export interface Answers {}
export type Answer<Name extends FunctionName> = Name extends keyof Answers
  ? Answers[Name]
  : Functions[Name]['Returns']

interface Reply<Data> extends Failed {
  readonly data: Data
}

/**
 * Asks Supabase as the signed-in user. Waits while nobody is signed in; a refused session is renewed once, and if that
 * fails the question waits for the password. Throws CallError.
 */
export async function asUser<Data>(ask: () => PromiseLike<Reply<Data>>): Promise<NonNullable<Data>> {
  await signedIn()
  let reply = await ask()
  if (reply.error && callError(reply).kind === 'expired') {
    await renewSession()
    await signedIn()
    reply = await ask()
  }
  if (reply.error) throw callError(reply)
  return reply.data as NonNullable<Data>
}

/** Calls a function of the database. Throws CallError. */
export async function call<Name extends FunctionName>(
  name: Name,
  args: Arguments<Name>,
): Promise<Answer<Name>> {
  const answer: unknown = await asUser(() => database.rpc(name, args as never))
  return answer as Answer<Name>
}

export interface CallOptions {
  /** Asks again after so many milliseconds while the page is visible. */
  readonly every?: number
  readonly enabled?: boolean
}

/** What asks a function, and keeps its answer. */
export function callOptions<Name extends FunctionName>(name: Name, args: Arguments<Name>) {
  return queryOptions<Answer<Name>, CallError>({ queryKey: [name, args], queryFn: () => call(name, args) })
}

/** The answer of a function, kept and asked again; while its arguments change, the answer before stays. */
export function useCall<Name extends FunctionName>(
  name: Name,
  args: Arguments<Name>,
  options: CallOptions = {},
): UseQueryResult<Answer<Name>, CallError> {
  return useQuery<Answer<Name>, CallError>({
    ...callOptions(name, args),
    placeholderData: keepPreviousData,
    refetchInterval: options.every ?? false,
    enabled: options.enabled ?? true,
  })
}

/** What asks for rows, and keeps them. */
export function rowsOptions<Data>(key: readonly unknown[], ask: () => PromiseLike<Reply<Data>>) {
  return queryOptions<NonNullable<Data>, CallError>({ queryKey: key, queryFn: () => asUser(ask) })
}

/** Rows of tables: `ask` builds the query with `database.from(…)`, `key` names it and all it depends on. */
export function useRows<Data>(
  key: readonly unknown[],
  ask: () => PromiseLike<Reply<Data>>,
  options: CallOptions = {},
): UseQueryResult<NonNullable<Data>, CallError> {
  return useQuery<NonNullable<Data>, CallError>({
    ...rowsOptions(key, ask),
    refetchInterval: options.every ?? false,
    enabled: options.enabled ?? true,
  })
}

/** A function that changes something; afterwards what `refreshes` names (functions and keys of rows) is asked again. */
export function useAction<Name extends FunctionName>(
  name: Name,
  refreshes: readonly string[],
): UseMutationResult<Answer<Name>, CallError, Arguments<Name>> {
  const client = useQueryClient()
  return useMutation<Answer<Name>, CallError, Arguments<Name>>({
    mutationFn: (args) => call(name, args),
    onSettled: () => Promise.all(refreshes.map((key) => client.invalidateQueries({ queryKey: [key] }))),
  })
}
