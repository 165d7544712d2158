import { Button } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { callOptions, useCall } from '@/shared/call'
import { Page } from '@/shared/components/page'
import { Blocks, EmptyState, Loaded } from '@/shared/components/states'
import { IconCamera, IconFilterOff } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { devicesText } from '@/shared/messages/devices'
import { compact } from '@/shared/search'
import { BulkBar } from './bulk_bar'
import { DeviceFilters } from './device_filters'
import { DeviceRows } from './device_rows'
import { type DeviceSearch, deviceArguments, firstArguments } from './device_search'
import { isWhole, MOST } from './devices'
import css from './devices.module.css'

const route = getRouteApi('/shell/devices')
const EVERY_MS = 15_000

export function DevicesPage() {
  const text = useText(devicesText)
  const navigate = useNavigate()
  const search = route.useSearch()
  const mayAct = useMay('operator')
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const client = useQueryClient()
  // All of a thousand devices take the database four times as long as the first of them, so they are asked for when needed.
  const [whole, setWhole] = useState(false)
  const list = useCall('console_devices', whole ? deviceArguments(search) : firstArguments(search), {
    every: EVERY_MS,
  })
  const isCut = list.data !== undefined && !isWhole(list.data)
  useEffect(() => {
    if (!isCut) return
    const seeFurther = () => setWhole(true)
    window.addEventListener('scroll', seeFurther, { once: true, passive: true })
    return () => window.removeEventListener('scroll', seeFurther)
  }, [isCut])

  function change(changes: Partial<Record<keyof DeviceSearch, string | undefined>>) {
    void navigate({
      to: '/devices',
      search: compact({ ...search, ...changes }) as DeviceSearch,
      replace: true,
      resetScroll: false,
    })
  }

  const toggle = useCallback((device: string) => {
    setSelected((before) => {
      const after = new Set(before)
      if (!after.delete(device)) after.add(device)
      return after
    })
  }, [])
  async function selectAll() {
    setWhole(true)
    // If this fails, the list says so.
    const all = await client
      .fetchQuery({ ...callOptions('console_devices', deviceArguments(search)), staleTime: EVERY_MS })
      .catch(() => undefined)
    if (all) setSelected(new Set(all.devices.map((device) => device.device_id)))
  }

  // What no longer fits the filters is not acted on.
  const chosen = useMemo(
    () => (list.data?.devices ?? []).map((device) => device.device_id).filter((id) => selected.has(id)),
    [list.data, selected],
  )

  return (
    <Page title={text.title} lead={list.data ? text.count(list.data.matching, list.data.total) : '…'}>
      <Loaded query={list} loading={<Blocks count={8} height="4rem" />}>
        {(all) =>
          all.total === 0 ? (
            <EmptyState icon={IconCamera} title={text.emptyTitle}>
              {text.empty}
            </EmptyState>
          ) : (
            <div className={css.list} aria-busy={list.isPlaceholderData}>
              <DeviceFilters list={all} search={search} change={change} />
              {all.matching === 0 ? (
                <EmptyState
                  icon={IconFilterOff}
                  title={text.noneTitle}
                  action={
                    <Button variant="default" onClick={() => void navigate({ to: '/devices', search: {} })}>
                      {text.clear}
                    </Button>
                  }
                >
                  {text.none}
                </EmptyState>
              ) : (
                <DeviceRows
                  list={all}
                  selected={selected}
                  toggle={mayAct ? toggle : undefined}
                  selectAll={(on) => (on ? void selectAll() : setSelected(new Set()))}
                />
              )}
              {all.matching > MOST && <p className={css.soft}>{text.cut(MOST, all.matching)}</p>}
              {chosen.length > 0 && (
                <BulkBar chosen={chosen} sites={all.sites} done={() => setSelected(new Set())} />
              )}
            </div>
          )
        }
      </Loaded>
    </Page>
  )
}
