/** How far something is, and what went wrong with it. */
import { Button } from '@mantine/core'
import { useErrorWords } from '@/shared/components/states'
import { useFormat } from '@/shared/format'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { makingText } from '@/shared/messages/making'
import type { Job } from './job'
import css from './making.module.css'

interface JobStateProps {
  readonly job: Pick<Job<unknown>, 'state' | 'steps' | 'error'>
  readonly total: number
  readonly retry: () => void
  readonly onCancel: () => void
}

export function JobState({ job, total, retry, onCancel }: JobStateProps) {
  const text = useText(makingText)
  const common = useText(commonText)
  const words = useErrorWords()
  const format = useFormat()
  if (job.state === 'failed') {
    return (
      <div role="alert" className={css.failed}>
        <p>{words(job.error)}</p>
        <Button variant="default" onClick={retry}>
          {common.retry}
        </Button>
      </div>
    )
  }
  return (
    <div className={css.working}>
      <progress aria-label={text.progress} max={total} value={job.steps} />
      <p>{text.soFar(format.number(job.steps), format.number(total))}</p>
      <Button variant="default" onClick={onCancel}>
        {common.cancel}
      </Button>
    </div>
  )
}
