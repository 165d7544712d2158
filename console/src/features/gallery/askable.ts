import { canBeAskedFor } from '@/shared/commands'
import type { Picture } from './buckets'

/** Whether there is a picture to be asked for: one that failed on its way, or of which a part is missing. */
export function isAskable({ status, name, error_code }: Picture): boolean {
  return (status === 'failed' || status === 'partial') && name !== undefined && canBeAskedFor(error_code)
}
