import { Button } from '@mantine/core'
import { type Column, csvOf, save } from '@/shared/csv'
import { IconDownload } from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { useSettings } from '@/shared/settings'

interface CsvButtonProps<Row> {
  /** What the file has. */
  readonly of: string
  /** It says so itself, since nothing beside it does. */
  readonly isNamed?: boolean
  readonly file: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
}

export function CsvButton<Row>({ of, isNamed = false, file, columns, rows }: CsvButtonProps<Row>) {
  const text = useText(commonText)
  const { language } = useSettings()
  return (
    <Button
      variant="default"
      size="xs"
      style={{ flex: 'none' }}
      leftSection={<IconDownload size={14} aria-hidden="true" />}
      {...(isNamed ? {} : { 'aria-label': text.asCsv(of) })}
      onClick={() => save(`${file}.csv`, csvOf(columns, rows, language))}
    >
      {isNamed ? `${of} (CSV)` : 'CSV'}
    </Button>
  )
}
