import { Modal } from '@mantine/core'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import type { OverlayProps } from './overlay'

export function OverlayModal({ title, size = 'md', isFirm = false, close, children }: OverlayProps) {
  const text = useText(commonText)
  return (
    <Modal
      opened
      title={title}
      size={size}
      onClose={close}
      closeOnClickOutside={!isFirm}
      closeOnEscape={!isFirm}
      closeButtonProps={{ 'aria-label': text.close }}
    >
      {children}
    </Modal>
  )
}
