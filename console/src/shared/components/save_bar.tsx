/** The end of a form: what went wrong, the button that saves, and that it has. */
import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { ActionError } from './action_error'
import { ToolBar } from './tool_bar'

interface SaveBarProps {
  readonly save: { readonly isPending: boolean; readonly error: unknown }
  readonly isReady: boolean
  /** All that was typed is saved. */
  readonly isSaved?: boolean
  /** The button that takes back what was typed. */
  readonly children?: ReactNode
}

export function SaveBar({ save, isReady, isSaved = false, children }: SaveBarProps) {
  const text = useText(commonText)
  return (
    <>
      <ActionError error={save.error} />
      <ToolBar>
        <Button type="submit" disabled={!isReady} loading={save.isPending}>
          {text.save}
        </Button>
        {children}
        <span role="status">{isSaved && text.saved}</span>
      </ToolBar>
    </>
  )
}
