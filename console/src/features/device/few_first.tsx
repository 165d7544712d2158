/** A list that begins with its first few, and shows the others when it is asked to. */
import { Button } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'

const FEW = 6

interface FewFirstProps<Item> {
  readonly items: readonly Item[]
  readonly className: string | undefined
  readonly children: (item: Item) => ReactNode
}

export function FewFirst<Item>({ items, className, children }: FewFirstProps<Item>) {
  const text = useText(deviceText)
  const [all, setAll] = useState(false)
  return (
    <>
      <ul className={className}>{(all ? items : items.slice(0, FEW)).map(children)}</ul>
      {items.length > FEW && (
        <Button variant="default" size="xs" mt="xs" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? text.fewer : text.allOf(items.length)}
        </Button>
      )}
    </>
  )
}
