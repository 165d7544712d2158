/** What each viewer chooses for themselves: language, clock, appearance. */
import { SegmentedControl, useMantineColorScheme } from '@mantine/core'
import { useText } from '@/shared/messages/define'
import { shellText } from '@/shared/messages/shell'
import { CLOCKS, changeSettings, LANGUAGES, useSettings } from '@/shared/settings'
import css from './choices.module.css'

interface ChoiceProps<Value extends string> {
  readonly label: string
  readonly choices: readonly Value[]
  readonly names: Readonly<Record<Value, string>>
  readonly value: Value
  readonly onChange: (value: Value) => void
  readonly bare?: boolean
}

function Choice<Value extends string>({ label, choices, names, value, onChange, bare }: ChoiceProps<Value>) {
  return (
    <div className={css.choice}>
      {!bare && <span aria-hidden="true">{label}</span>}
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label={label}
        data={choices.map((choice) => ({ value: choice, label: names[choice] }))}
        value={value}
        onChange={(chosen) => {
          const found = choices.find((choice) => choice === chosen)
          if (found !== undefined) onChange(found)
        }}
      />
    </div>
  )
}

export function LanguageChoice({ bare = true }: { readonly bare?: boolean }) {
  const text = useText(shellText)
  const { language } = useSettings()
  return (
    <Choice
      label={text.language}
      choices={LANGUAGES}
      names={text.languages}
      value={language}
      onChange={(chosen) => changeSettings({ language: chosen })}
      bare={bare}
    />
  )
}

export function ClockChoice() {
  const text = useText(shellText)
  const { clock } = useSettings()
  return (
    <Choice
      label={text.clock}
      choices={CLOCKS}
      names={text.clocks}
      value={clock}
      onChange={(chosen) => changeSettings({ clock: chosen })}
    />
  )
}

const SCHEMES = ['auto', 'light', 'dark'] as const

export function SchemeChoice() {
  const text = useText(shellText)
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Choice
      label={text.scheme}
      choices={SCHEMES}
      names={text.schemes}
      value={colorScheme}
      onChange={setColorScheme}
    />
  )
}
