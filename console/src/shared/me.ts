/** The signed-in user's company and role there. What a role may not do is not offered; the database refuses it as well. */
import { type QueryClient, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { rowsOptions } from './call'
import type { CallError } from './call_error'
import { knownSession, useSession } from './session'
import { database } from './supabase'

export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

export interface Membership {
  readonly role: Role
  readonly company: { readonly company_id: string; readonly name: string } | null
}

/** What asks for the memberships of a user. */
export function membershipsOptions(userId: string) {
  return rowsOptions(['me', userId], () =>
    database
      .from('users')
      .select('role, company:companies(company_id, name)')
      .eq('user_id', userId)
      .not('company_id', 'is', null)
      .limit(1)
      .overrideTypes<Membership[], { merge: false }>(),
  )
}

/** Asks who one is, before anything shows it. */
export async function askWho(client: QueryClient): Promise<void> {
  const session = await knownSession()
  if ('userId' in session) await client.prefetchQuery(membershipsOptions(session.userId))
}

/** The memberships of the user: none, or the one that an account may have. */
export function useMemberships(): UseQueryResult<readonly Membership[], CallError> {
  const session = useSession()
  const userId = 'userId' in session ? session.userId : ''
  return useQuery({ ...membershipsOptions(userId), enabled: userId !== '', refetchInterval: 5 * 60_000 })
}

export function useMembership(): Membership | undefined {
  return useMemberships().data?.[0]
}

/** Whether the user has this role or one above it. */
export function useMay(role: Role): boolean {
  const own = useMembership()?.role
  return own !== undefined && ROLES.indexOf(own) >= ROLES.indexOf(role)
}
