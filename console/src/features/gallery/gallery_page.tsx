/** All pictures, newest first; filters, the day at the top and the open picture stand in the address. */
import { Button } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from 'react'
import { useTitle } from '@/shared/components/page'
import { Blocks, EmptyState, ErrorState } from '@/shared/components/states'
import { useFormat } from '@/shared/format'
import { IconKeyboard, IconMovie, IconPhoto } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { galleryText } from '@/shared/messages/gallery'
import { bucketAt, bucketsOfPlaces, layOut, type Picture } from './buckets'
import { weekBefore } from './film_range'
import { Filters, isFiltered } from './filters'
import fields from './filters.module.css'
import css from './gallery_page.module.css'
import { filterOf, type GallerySearch } from './gallery_search'
import { Grid, type GridControl } from './grid'
import { Help } from './help'
import { useKeys } from './keys'
import type { Making } from './made'
import { secondsOf } from './pictures'
import { useActs, useSelection } from './selection'
import { SelectionBar } from './selection_bar'
import { type Gallery, picturesOptions, useArrivals, useGallery } from './use_gallery'

const route = getRouteApi('/shell/gallery')
const Lightbox = lazy(() => import('./lightbox').then(({ Lightbox: component }) => ({ default: component })))
const Made = lazy(() => import('./made').then(({ Made: component }) => ({ default: component })))

type Changes = Partial<Record<keyof GallerySearch, string | undefined>>

export function GalleryPage() {
  const text = useText(galleryText)
  const format = useFormat()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const [zone, setZone] = useState<string | null>(null)
  const filter = useMemo(() => filterOf(search, format.zone(zone)), [search, format, zone])
  const key = JSON.stringify(filter)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same words are the same filter.
  const stable = useMemo(() => filter, [key])
  const answer = useGallery(stable)
  const gallery = answer.data
  useTitle(text.title)
  useArrivals(gallery)

  // By whose clock days are told is known once the site or device that is filtered for is.
  const place =
    gallery?.devices.find(({ device_id }) => device_id === search.device) ??
    gallery?.sites.find(({ site_id }) => site_id === search.site)
  const known = place?.timezone ?? null
  if (gallery && known !== zone) setZone(known)

  const change = useCallback(
    (changes: Changes, replace = true) =>
      void navigate({ search: (before) => ({ ...before, ...changes }) as GallerySearch, replace }),
    [navigate],
  )
  const filterBy = useCallback((changes: Changes) => change({ ...changes, day: undefined }), [change])
  const field = useRef<HTMLInputElement>(null)
  const total = gallery?.buckets.reduce((sum, bucket) => sum + bucket[3], 0)
  return (
    <div className={css.page}>
      <header className={css.header}>
        <div className={css.title}>
          <h1>{text.title}</h1>
          <p>
            {total !== undefined && text.count(total, format.number(total))}
            <span> · {text.times(format.zone(zone))}</span>
          </p>
        </div>
        <Filters
          search={search}
          devices={gallery?.devices ?? []}
          sites={gallery?.sites ?? []}
          field={field}
          onChange={filterBy}
        />
      </header>
      {gallery ? (
        <Shown
          gallery={gallery}
          search={search}
          siteZone={zone}
          field={field}
          onChange={change}
          onFilter={filterBy}
        />
      ) : answer.isError ? (
        <ErrorState error={answer.error} retry={() => void answer.refetch()} />
      ) : (
        <div className={css.loading}>
          <Blocks count={4} height="9rem" />
        </div>
      )}
    </div>
  )
}

interface ShownProps {
  readonly gallery: Gallery
  readonly search: GallerySearch
  readonly siteZone: string | null
  readonly field: React.RefObject<HTMLInputElement | null>
  readonly onChange: (changes: Changes, replace?: boolean) => void
  readonly onFilter: (changes: Changes) => void
}

function Shown({ gallery, search, siteZone, field, onChange, onFilter }: ShownProps) {
  const text = useText(galleryText)
  const client = useQueryClient()
  const grid = useRef<GridControl>(null)
  const [current, setCurrent] = useState<Picture>()
  const [help, setHelp] = useState(false)
  const selection = useSelection()
  const [making, setMaking] = useState<Making>()
  const acts = useActs()
  const mayPin = useMay('operator')
  const mayDelete = useMay('admin')
  // Of places only, whatever the number of columns.
  const layout = useMemo(() => layOut(gallery.buckets, 1), [gallery.buckets])

  const pictureAt = async (place: number) => {
    const [placed] = bucketsOfPlaces(layout, place, place + 1)
    if (!placed) return undefined
    const pictures = await client.ensureQueryData(picturesOptions(client, gallery.filter, placed))
    return pictures[place - placed.place]
  }
  const placeOf = async (picture: Picture) => {
    const placed = bucketAt(layout, secondsOf(picture))
    if (!placed) return undefined
    const pictures = await client.ensureQueryData(picturesOptions(client, gallery.filter, placed))
    return (
      placed.place +
      Math.max(
        pictures.findIndex(({ id }) => id === picture.id),
        0,
      )
    )
  }
  const goTo = async (place: number, open: boolean) => {
    const wanted = Math.min(Math.max(place, 0), layout.pictures - 1)
    const picture = await pictureAt(wanted)
    if (!picture) return
    setCurrent(picture)
    grid.current?.show(wanted)
    if (open) onChange({ picture: picture.id, with: undefined })
    else grid.current?.focus(picture.id)
  }
  const move = async (from: Picture | undefined, by: number, open = false) => {
    const place = from ? await placeOf(from) : undefined
    await goTo(place === undefined ? (grid.current?.top() ?? 0) : place + by, open)
  }
  const moveRow = (rows: number) => move(current, rows * (grid.current?.columns() ?? 1))
  const pinCurrent = (picture: Picture) => {
    acts.pin([picture])
    setCurrent({ ...picture, pinned: !picture.pinned })
  }
  useKeys({
    arrowright: () => void move(current, 1),
    arrowleft: () => void move(current, -1),
    j: () => void move(current, 1),
    k: () => void move(current, -1),
    arrowdown: () => void moveRow(1),
    arrowup: () => void moveRow(-1),
    home: () => void goTo(0, false),
    end: () => void goTo(layout.pictures - 1, false),
    x: () => current && selection.toggle(current),
    ...(mayPin ? { p: () => current && pinCurrent(current) } : {}),
    ...(mayDelete ? { delete: () => current && acts.remove([current]) } : {}),
    '/': () => field.current?.focus(),
    '?': () => setHelp(true),
  })
  const open = useCallback(
    (picture: Picture) => {
      setCurrent(picture)
      onChange({ picture: picture.id }, false)
    },
    [onChange],
  )
  const close = () => {
    onChange({ picture: undefined, with: undefined, same: undefined })
    if (current) grid.current?.focus(current.id)
  }

  return (
    <>
      {gallery.buckets.length > 0 ? (
        <>
          <div className={css.tools}>
            <input
              type="date"
              className={fields.field}
              aria-label={text.goTo}
              min={gallery.buckets.at(-1)?.[2]}
              max={gallery.buckets[0]?.[2]}
              value={search.day ?? gallery.buckets[0]?.[2] ?? ''}
              onChange={(event) =>
                event.currentTarget.value && grid.current?.goToDay(event.currentTarget.value)
              }
            />
            <button type="button" className={fields.field} onClick={selection.begin}>
              {text.select}
            </button>
            <button
              type="button"
              className={fields.field}
              aria-label={text.film}
              title={text.film}
              onClick={() => onChange({ film: weekBefore(gallery.buckets, search.day) }, false)}
            >
              <IconMovie size={18} aria-hidden="true" />
            </button>
            <button
              type="button"
              className={fields.field}
              aria-label={text.help}
              title={text.help}
              onClick={() => setHelp(true)}
            >
              <IconKeyboard size={18} aria-hidden="true" />
            </button>
          </div>
          <Grid
            // Another filter is another list, seen from its beginning.
            key={JSON.stringify(gallery.filter)}
            gallery={gallery}
            siteZone={siteZone}
            day={search.day}
            current={current?.id}
            control={grid}
            onDay={(day) => day !== search.day && onChange({ day })}
            chosen={selection.chosen}
            going={acts.going}
            onPress={selection.choosing ? selection.toggle : open}
          />
        </>
      ) : isFiltered(search) ? (
        <EmptyState
          icon={IconPhoto}
          title={text.noneTitle}
          action={
            <Button
              variant="default"
              onClick={() =>
                onFilter(Object.fromEntries(Object.keys(search).map((name) => [name, undefined])))
              }
            >
              {text.clear}
            </Button>
          }
        >
          {text.none}
        </EmptyState>
      ) : (
        <EmptyState
          icon={IconPhoto}
          title={text.emptyTitle}
          action={<Link to="/devices">{text.toDevices}</Link>}
        >
          {text.empty}
        </EmptyState>
      )}
      {search.picture && (
        <Suspense>
          <Lightbox
            opened={{ picture: search.picture, with: search.with, same: search.same }}
            devices={gallery.devices}
            onOpen={onChange}
            onMove={(picture, by) => void move(picture, by, true)}
            onClose={close}
            onPin={mayPin ? (picture) => acts.pin([picture]) : undefined}
            onDelete={
              mayDelete
                ? (picture) => {
                    acts.remove([picture])
                    close()
                  }
                : undefined
            }
          />
        </Suspense>
      )}
      <SelectionBar
        selection={selection}
        acts={acts}
        onCompare={(newer, older) => onChange({ picture: newer.id, with: older.id }, false)}
        onZip={(pictures) => setMaking({ what: 'zip', pictures })}
        onFilm={(pictures) => setMaking({ what: 'film', pictures })}
      />
      {(making || search.film) && (
        <Suspense>
          <Made
            making={making}
            film={search.film}
            device={search.device}
            gallery={gallery}
            siteZone={siteZone}
            onDevice={(device) => onFilter({ device })}
            onDays={(film) => onChange({ film })}
            close={() => (making ? setMaking(undefined) : onChange({ film: undefined }))}
          />
        </Suspense>
      )}
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  )
}
