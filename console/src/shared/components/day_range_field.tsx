/** From which day to which: two fields behind a button. */
import { Button, Popover } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useDayWords } from '@/shared/day_words'
import { type DayRange, readDays } from '@/shared/days'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import css from './fields.module.css'
import { TimeField } from './time_field'

interface DayRangeFieldProps {
  readonly range: DayRange
  /** In days. */
  readonly longest: number
  readonly onChange: (range: DayRange) => void
}

export function DayRangeField({ range, longest, onChange }: DayRangeFieldProps) {
  const text = useText(commonText)
  const words = useDayWords()
  const [open, setOpen] = useState(false)
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const chosen = readDays(from, to, longest)

  function choose(event: FormEvent) {
    event.preventDefault()
    if (!chosen) return
    setOpen(false)
    onChange(chosen)
  }

  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" trapFocus withinPortal={false}>
      <Popover.Target>
        <Button
          variant="default"
          onClick={() => {
            setFrom(range.from)
            setTo(range.to)
            setOpen(!open)
          }}
        >
          {words.short(range.from)} – {words.short(range.to)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={text.days}>
        <form className={css.form} onSubmit={choose}>
          <TimeField type="date" label={text.firstDay} value={from} onChange={setFrom} />
          <TimeField
            type="date"
            label={text.lastDay}
            value={to}
            error={from && to && !chosen ? text.badDays(longest) : undefined}
            onChange={setTo}
          />
          <Button type="submit" disabled={!chosen}>
            {text.show}
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  )
}
