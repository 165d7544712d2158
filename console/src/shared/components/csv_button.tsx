import { Button } from '@mantine/core'
import { save } from '@/shared/csv'
import { IconDownload } from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'

interface CsvButtonProps {
  /** What the file has. */
  readonly of: string
  /** It says so itself, since nothing beside it does. */
  readonly isNamed?: boolean
  readonly file: string
  readonly make: () => string
}

export function CsvButton({ of, isNamed = false, file, make }: CsvButtonProps) {
  const text = useText(commonText)
  return (
    <Button
      variant="default"
      size="xs"
      style={{ flex: 'none' }}
      leftSection={<IconDownload size={14} aria-hidden="true" />}
      {...(isNamed ? {} : { 'aria-label': text.asCsv(of) })}
      onClick={() => save(`${file}.csv`, make())}
    >
      {isNamed ? `${of} (CSV)` : 'CSV'}
    </Button>
  )
}
