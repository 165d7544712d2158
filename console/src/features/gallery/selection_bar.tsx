/** What may be done with the pictures that are chosen; and the way back from a deletion. */
import { Button } from '@mantine/core'
import { useErrorWords } from '@/shared/components/states'
import { useFormat } from '@/shared/format'
import { useMay } from '@/shared/me'
import { commandsText } from '@/shared/messages/commands'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import { isAskable } from './askable'
import { inOrder, type Picture } from './buckets'
import type { Acts, Selection } from './selection'
import css from './selection_bar.module.css'

interface SelectionBarProps {
  readonly selection: Selection
  readonly acts: Acts
  readonly onCompare: (newer: Picture, older: Picture) => void
  readonly onZip: (pictures: readonly Picture[]) => void
  readonly onFilm: (pictures: readonly Picture[]) => void
}

export function SelectionBar({ selection, acts, onCompare, onZip, onFilm }: SelectionBarProps) {
  const text = useText(galleryText)
  const commands = useText(commandsText)
  const format = useFormat()
  const errorWords = useErrorWords()
  const mayPin = useMay('operator')
  const mayDelete = useMay('admin')
  const pictures = [...selection.chosen.values()]
  const askable = pictures.filter((picture) => isAskable(picture) && !picture.asked)
  const whole = pictures.filter(({ status }) => status === 'stored')
  const [newer, older, ...further] = inOrder(pictures)
  const act = (does: (chosen: typeof pictures) => void) => () => {
    does(pictures)
    selection.end()
  }
  const count = (number: number) => text.count(number, format.number(number))
  return (
    <div className={css.place}>
      {acts.error && (
        <p role="alert" className={css.bar} data-tone="bad">
          {errorWords(acts.error)}
        </p>
      )}
      {acts.going.length > 0 && (
        <p role="status" className={css.bar}>
          {text.going(count(acts.going.length))}
          <Button size="compact-sm" variant="light" onClick={acts.undo}>
            {text.undo}
          </Button>
        </p>
      )}
      {selection.choosing && (
        <section className={css.bar} aria-label={text.selected}>
          <strong>{pictures.length > 0 ? count(pictures.length) : text.choose}</strong>
          {newer && older && further.length === 0 && (
            <Button size="compact-sm" variant="light" onClick={() => onCompare(newer, older)}>
              {text.compare}
            </Button>
          )}
          {pictures.some(({ path }) => path !== undefined) && (
            <Button size="compact-sm" variant="light" onClick={() => onZip(pictures)}>
              {text.zip}
            </Button>
          )}
          {whole.length > 1 && (
            <Button size="compact-sm" variant="light" onClick={() => onFilm(whole)}>
              {text.film}
            </Button>
          )}
          {askable.length > 0 && mayPin && (
            <Button size="compact-sm" variant="light" onClick={act(() => acts.ask(askable))}>
              {commands.askAgain}
            </Button>
          )}
          {pictures.length > 0 && mayPin && (
            <Button size="compact-sm" variant="light" onClick={act(acts.pin)}>
              {pictures.every(({ pinned }) => pinned) ? text.unpin : text.pin}
            </Button>
          )}
          {pictures.length > 0 && mayDelete && (
            <Button size="compact-sm" variant="light" color="red" onClick={act(acts.remove)}>
              {text.delete}
            </Button>
          )}
          <Button size="compact-sm" variant="subtle" onClick={selection.end}>
            {text.done}
          </Button>
        </section>
      )}
    </div>
  )
}
