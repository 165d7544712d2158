import { call } from '@/shared/call'
import { CallError } from '@/shared/call_error'

interface Words {
  readonly noInvitation: string
  readonly memberAlready: string
}

/** Makes the user a member. Throws CallError, with these words for what only invitations know. */
export async function acceptInvitation(code: string, words: Words): Promise<void> {
  try {
    await call('accept_invitation', { p_token: code.trim() })
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    if (error.kind === 'refused') throw new Error(words.noInvitation)
    if (error.code === '22023') throw new Error(words.memberAlready)
    throw error
  }
}
