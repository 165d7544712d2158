import { Button } from '@mantine/core'
import { useMay } from '@/shared/me'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import { Dialog } from './dialog'
import css from './help.module.css'

/** The keys, and what they do. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const text = useText(galleryText)
  const common = useText(commonText)
  const words = text.keyWords
  const mayPin = useMay('operator')
  const mayDelete = useMay('admin')
  const keys: readonly (readonly [keys: readonly string[], does: string])[] = [
    [['←', '→', '↑', '↓'], words.move],
    [['j'], words.older],
    [['k'], words.newer],
    [['Home', 'End'], words.ends],
    [['Enter', 'Space'], words.open],
    [['+', '−', '0'], words.zoom],
    [['c'], words.compare],
    [['s'], words.same],
    [['x'], words.choose],
    ...(mayPin ? [[['p'], words.pin] as const] : []),
    ...(mayDelete ? [[['Delete'], words.delete] as const] : []),
    [['/'], words.search],
    [['?'], words.help],
  ]
  return (
    <Dialog label={text.help} className={css.help} onClose={onClose}>
      <h2>{text.help}</h2>
      <dl>
        {keys.map(([names, does]) => (
          <div key={does}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <Button variant="default" onClick={onClose}>
        {common.close}
      </Button>
    </Dialog>
  )
}
