import { Checkbox, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import { useAction } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { type Scope, ScopeFields } from '@/shared/components/scope'
import { TimeField } from '@/shared/components/time_field'
import { localInput } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'
import css from './keeping.module.css'

const FORMATS = ['mp4', 'webp'] as const
const DAY_MS = 86_400_000

/** Asks for a film of a device and a time. */
export function TimelapseDialog({ close }: { readonly close: () => void }) {
  const text = useText(keepingText)
  const request = useAction('request_timelapse', ['console_timelapses'])
  const [scope, setScope] = useState<Scope | null>(null)
  const [from, setFrom] = useState(() => localInput(new Date(Date.now() - 7 * DAY_MS)))
  const [until, setUntil] = useState(() => localInput(new Date()))
  const [format, setFormat] = useState<(typeof FORMATS)[number]>('mp4')
  const [hasDate, setHasDate] = useState(true)
  const act = () =>
    request.mutateAsync({
      p_device: scope?.device ?? null,
      p_from: new Date(from).toISOString(),
      p_to: new Date(until).toISOString(),
      p_options: { format, burn_date: hasDate },
    })
  return (
    <Dialog title={text.ask} button={text.ask} isReady={Boolean(scope?.device)} act={act} close={close}>
      <ScopeFields kinds={['device']} sites={[]} onChange={setScope} />
      <div className={css.pair}>
        <TimeField type="datetime-local" label={text.from} required value={from} onChange={setFrom} />
        <TimeField type="datetime-local" label={text.until} required value={until} onChange={setUntil} />
      </div>
      <SegmentedControl
        fullWidth
        aria-label={text.format}
        data={FORMATS.map((name) => ({ value: name, label: text.formats[name] }))}
        value={format}
        onChange={(value) => setFormat(FORMATS.find((name) => name === value) ?? 'mp4')}
      />
      <Checkbox
        label={text.burnDate}
        checked={hasDate}
        onChange={(event) => setHasDate(event.currentTarget.checked)}
      />
    </Dialog>
  )
}
