/** A secret that is shown once, with a button that copies it: browsers let pages with TLS, and those of this machine, do that. */
import { Button } from '@mantine/core'
import { useState } from 'react'
import { IconCheck, IconCopy } from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import css from './dialog.module.css'
import { Overlay } from './overlay'

interface SecretProps {
  readonly title: string
  /** What to do with it. */
  readonly words: string
  readonly secret: string
  readonly close: () => void
}

export function Secret({ title, words, secret, close }: SecretProps) {
  const text = useText(commonText)
  const [isCopied, setCopied] = useState(false)
  const Sign = isCopied ? IconCheck : IconCopy
  return (
    <Overlay title={title} isFirm close={close}>
      <div className={css.form}>
        <p>{words}</p>
        <code className={css.secret}>{secret}</code>
        {'clipboard' in navigator && (
          <Button
            leftSection={<Sign size={16} aria-hidden="true" />}
            onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}
          >
            {isCopied ? text.copied : text.copy}
          </Button>
        )}
      </div>
    </Overlay>
  )
}
