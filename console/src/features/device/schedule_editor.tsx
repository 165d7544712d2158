/** The editor of a schedule, with the wakes that would follow; loaded when it is opened. */
import { ActionIcon, Button, SegmentedControl, TextInput } from '@mantine/core'
import { useDebouncedValue, useMediaQuery } from '@mantine/hooks'
import { type FormEvent, useState } from 'react'
import { useAction, useCall } from '@/shared/call'
import { SaveBar } from '@/shared/components/save_bar'
import { Blocks, Loaded } from '@/shared/components/states'
import { IconPlus, IconX } from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import { time } from '@/shared/time'
import { Unsaved } from '@/shared/unsaved'
import { useDates } from './dates'
import type { Device, Schedule } from './device_answers'
import { argumentsOf, type Draft, draftOf, MODES, type ScheduleArguments } from './schedule'
import css from './schedule_card.module.css'
import { ScheduleWords } from './schedule_words'

const REST_MS = 300

interface EditorProps {
  readonly device: Device
  readonly before: Schedule | null
  readonly above: Schedule | null
  readonly onClose: () => void
}

export function ScheduleEditor({ device, before, above, onClose }: EditorProps) {
  const text = useText(deviceText).schedule
  const common = useText(commonText)
  const narrow = useMediaQuery('(max-width: 48rem)')
  const [first] = useState(() => draftOf(before))
  const [draft, setDraft] = useState(first)
  const save = useAction('set_schedule', ['console_device', 'console_device_history', 'console_wakes'])
  const wanted = argumentsOf(draft, before)
  const change = (changes: Partial<Draft>) => setDraft({ ...draft, ...changes })

  function submit(event: FormEvent) {
    event.preventDefault()
    if (wanted) save.mutate({ p_device: device.device_id, ...wanted }, { onSuccess: onClose })
  }

  return (
    <form className={css.editor} onSubmit={submit}>
      <Unsaved isTyped={JSON.stringify(draft) !== JSON.stringify(first)} />
      <SegmentedControl
        orientation={narrow ? 'vertical' : 'horizontal'}
        fullWidth={narrow}
        aria-label={text.title}
        data={MODES.map((mode) => ({ value: mode, label: text.modes[mode] }))}
        value={draft.mode}
        onChange={(chosen) => {
          const mode = MODES.find((one) => one === chosen)
          if (mode) change({ mode })
        }}
      />
      {draft.mode === 'times' && <Times times={draft.times} onChange={(times) => change({ times })} />}
      {draft.mode === 'perDay' && (
        <TextInput
          type="number"
          label={text.perDay}
          description={text.perDayHint}
          min={1}
          max={288}
          value={Number.isNaN(draft.perDay) ? '' : draft.perDay}
          onChange={({ currentTarget }) => change({ perDay: currentTarget.valueAsNumber })}
        />
      )}
      {draft.mode === 'interval' && (
        <TextInput
          type="number"
          label={text.minutes}
          min={1}
          max={10_080}
          value={Number.isNaN(draft.minutes) ? '' : draft.minutes}
          onChange={({ currentTarget }) => change({ minutes: currentTarget.valueAsNumber })}
        />
      )}
      {draft.mode === 'above' && <p>{above ? <ScheduleWords schedule={above} /> : text.noneAbove}</p>}
      {wanted ? <Preview device={device} wanted={wanted} /> : <p role="alert">{text.incomplete}</p>}
      <SaveBar save={save} isReady={wanted !== null}>
        <Button variant="default" onClick={onClose}>
          {common.cancel}
        </Button>
      </SaveBar>
    </form>
  )
}

interface TimesProps {
  readonly times: readonly string[]
  readonly onChange: (times: readonly string[]) => void
}

function Times({ times, onChange }: TimesProps) {
  const text = useText(deviceText).schedule
  return (
    <fieldset className={css.times}>
      <legend>{text.times}</legend>
      {times.map((one, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two may be the same while they are typed.
        <span key={place} className={css.time}>
          <input
            type="time"
            aria-label={text.time(place + 1)}
            value={one}
            onChange={(event) => onChange(times.with(place, event.currentTarget.value))}
          />
          {times.length > 1 && (
            <ActionIcon
              variant="default"
              color="gray"
              aria-label={text.removeTime(one)}
              onClick={() => onChange(times.toSpliced(place, 1))}
            >
              <IconX size={16} aria-hidden="true" />
            </ActionIcon>
          )}
        </span>
      ))}
      {times.length < 48 && (
        <Button
          variant="default"
          leftSection={<IconPlus size={16} aria-hidden="true" />}
          onClick={() => onChange([...times, ''])}
        >
          {text.addTime}
        </Button>
      )}
    </fieldset>
  )
}

function Preview({ device, wanted }: { readonly device: Device; readonly wanted: ScheduleArguments }) {
  const text = useText(deviceText).schedule
  const dates = useDates()
  const [asked] = useDebouncedValue(JSON.stringify(wanted), REST_MS)
  const wakes = useCall('console_wakes', {
    p_device: device.device_id,
    ...(JSON.parse(asked) as ScheduleArguments),
  })
  return (
    <div className={css.preview}>
      <Loaded query={wakes} loading={<Blocks count={1} height="9rem" />}>
        {(known) => (
          <>
            <h3>{known?.wakes.length ? text.nextTen(known.zone) : text.noWakes}</h3>
            <ol>
              {known?.wakes.map((wake) => (
                <li key={wake}>
                  {dates.full(time(wake) ?? new Date(0), known.zone)}
                  {wake === known.told && <span className={css.scope}> {text.toldAlready}</span>}
                </li>
              ))}
            </ol>
          </>
        )}
      </Loaded>
    </div>
  )
}
