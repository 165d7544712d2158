/** Pictures beside each other. While one scrolls, a row that is in the page is not made again. */
import { memo, useRef } from 'react'
import type { Format } from '@/shared/format'
import type { Picture } from './buckets'
import css from './grid.module.css'
import { Tile } from './tile'

interface RowProps {
  /** Undefined where one is still coming. */
  readonly pictures: readonly (Picture | undefined)[]
  /** The place of the first one, and that which the keyboard reaches. */
  readonly first: number
  readonly reached: number
  readonly day: string
  /** In pixels: where the row begins, how high it is, and how wide each picture. */
  readonly start: number
  readonly height: number
  readonly width: number
  readonly siteZone: string | null
  readonly format: Format
  readonly names: (device: string) => string
  readonly chosen: ReadonlyMap<string, Picture>
  readonly going: readonly Picture[]
  /** It may be gone before its pictures would have come: those that are not there yet wait. */
  readonly hasty: boolean
  /** Where its pictures come while it is not, those of other rows go first; its change alone draws nothing anew. */
  readonly inSight: boolean
  readonly onPress: (picture: Picture) => void
}

export const Row = memo(function Row(row: RowProps) {
  const shown = useRef(false)
  shown.current ||= !row.hasty
  return (
    <div className={css.row} style={{ top: row.start, height: row.height }}>
      {row.pictures.map((picture, index) => (
        <div key={picture?.id ?? row.first + index} className={css.cell} style={{ width: row.width }}>
          {picture && (
            <Tile
              picture={picture}
              name={row.names(picture.device)}
              clock={row.format.clock(picture.at, row.siteZone)}
              day={row.day}
              reached={row.first + index === row.reached}
              chosen={row.chosen.has(picture.id)}
              waits={!shown.current}
              later={!row.inSight}
              going={row.going.some(({ id }) => id === picture.id)}
              onPress={row.onPress}
            />
          )}
        </div>
      ))}
    </div>
  )
}, isSame)

/** The same props; the pictures in a list of their own each time, so one by one, and which is reached only if it is one of them. */
function isSame(one: RowProps, other: RowProps): boolean {
  const { pictures, reached, inSight: _, ...rest } = one
  return (
    Object.entries(rest).every(([name, value]) => Object.is(value, other[name as keyof RowProps])) &&
    pictures.length === other.pictures.length &&
    pictures.every((picture, index) => picture === other.pictures[index]) &&
    (reached === other.reached || !(has(one, reached) || has(other, other.reached)))
  )
}

function has({ first, pictures }: RowProps, place: number): boolean {
  return first <= place && place < first + pictures.length
}
