/** Says what the auth server refuses. */
import { AuthError } from '@supabase/auth-js'
import { CallError } from '@/shared/call_error'
import { useErrorWords } from '@/shared/components/states'
import { accountText } from '@/shared/messages/account'
import { useText } from '@/shared/messages/define'

export function useAccountError(): (error: unknown) => string {
  const text = useText(accountText)
  const words = useErrorWords()
  return (error) => {
    if (error instanceof AuthError) {
      if (error.code === 'invalid_credentials') return text.wrong
      if (error.code === 'email_not_confirmed') return text.unconfirmed
      if (error.code === 'otp_expired') return text.wrongCode
      if (error.code === 'weak_password') return text.weakPassword
      if (error.code === 'user_already_exists' || error.code === 'email_exists') return text.accountExists
      if (error.code === 'signup_disabled') return text.signUpClosed
      if (error.status === 429) return text.tooMany
      return words(new CallError(error.status ? 'invalid' : 'unreachable', error.message))
    }
    return words(error)
  }
}

/** Throws what supabase-js returns as an error. */
export async function orThrow<Answer extends { data: unknown; error: AuthError | null }>(
  answer: PromiseLike<Answer>,
): Promise<Answer['data']> {
  const { data, error } = await answer
  if (error) throw error
  return data
}
