/** What is wrong now, and what was. */
import { Button, NativeSelect, SegmentedControl } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { ALERT_KINDS } from '@/shared/alert_words'
import { call } from '@/shared/call'
import { LoadedPages } from '@/shared/components/loaded_pages'
import { Card, Page } from '@/shared/components/page'
import { Rows } from '@/shared/components/rows'
import { Blocks, EmptyState } from '@/shared/components/states'
import { ToolBar } from '@/shared/components/tool_bar'
import { IconCheck, IconHistory } from '@/shared/icons'
import { alertWords } from '@/shared/messages/alert_words'
import { alertsText } from '@/shared/messages/alerts'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { compact, readChoice } from '@/shared/search'
import type { AlertList, FleetAlert } from './alert_answers'
import { AlertRow } from './alert_row'
import type { AlertSearch } from './alert_search'
import { AlertTabs } from './alert_tabs'

const route = getRouteApi('/shell/alerts')
const LOOK_MS = 15_000

/** The alerts page by page, each after the last one of the page before. */
function useAlerts({ past, kind, site, device }: AlertSearch) {
  return useInfiniteQuery({
    queryKey: ['console_alerts', past, kind, site, device],
    queryFn: ({ pageParam }) =>
      call('console_alerts', {
        p_past: past ?? false,
        p_kind: kind ?? null,
        p_site: site ?? null,
        p_device: device ?? null,
        p_before: pageParam?.opened_at ?? null,
        p_before_id: pageParam?.alert_id ?? null,
      }),
    initialPageParam: null as FleetAlert | null,
    getNextPageParam: (page: AlertList) => (page.more ? page.alerts.at(-1) : undefined),
    // With many pages open that would be many calls.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 1 ? false : LOOK_MS),
  })
}

export function AlertsPage() {
  const text = useText(alertsText)
  const common = useText(commonText)
  const words = useText(alertWords)
  const search = route.useSearch()
  const navigate = useNavigate()
  const query = useAlerts(search)
  const first = query.data?.pages[0]
  const isFiltered = search.kind !== undefined || search.site !== undefined || search.device !== undefined
  const change = (changes: { [Name in keyof AlertSearch]: AlertSearch[Name] | undefined }) =>
    void navigate({ to: '/alerts', search: compact({ ...search, ...changes }), replace: true })
  const open = Object.values(first?.open ?? {}).reduce((sum, count) => sum + count, 0)

  return (
    <Page title={text.title} {...(first && open > 0 ? { lead: text.lead(open, first.critical) } : {})}>
      <AlertTabs />
      <ToolBar>
        <SegmentedControl
          aria-label={text.when}
          data={[
            { value: 'open', label: text.open },
            { value: 'past', label: text.past },
          ]}
          value={search.past ? 'past' : 'open'}
          onChange={(value) => change({ past: value === 'past' ? true : undefined })}
        />
        <NativeSelect
          aria-label={text.kind}
          data={[
            { value: '', label: text.allKinds },
            ...ALERT_KINDS.map((kind) => ({
              value: kind,
              label:
                !search.past && first?.open[kind]
                  ? `${words.kinds[kind]} (${first.open[kind]})`
                  : words.kinds[kind],
            })),
          ]}
          value={search.kind ?? ''}
          onChange={(event) => change({ kind: readChoice(event.currentTarget.value, ALERT_KINDS) })}
        />
        {first && first.sites.length > 0 && (
          <NativeSelect
            aria-label={common.scopes.site}
            data={[
              { value: '', label: text.allSites },
              ...first.sites.map(({ site_id, name }) => ({ value: site_id, label: name })),
            ]}
            value={search.site ?? ''}
            onChange={(event) => change({ site: event.currentTarget.value || undefined })}
          />
        )}
        {isFiltered && (
          <Button
            variant="subtle"
            onClick={() => change({ kind: undefined, site: undefined, device: undefined })}
          >
            {text.noFilter}
          </Button>
        )}
      </ToolBar>
      <LoadedPages
        query={query}
        itemsOf={(page) => page.alerts}
        loading={<Blocks count={4} height="5rem" />}
        empty={<NoAlerts isPast={search.past === true} isFiltered={isFiltered} />}
      >
        {(alerts, older) => (
          <Card>
            <Rows label={text.title}>
              {alerts.map((alert) => (
                <AlertRow key={alert.alert_id} alert={alert} />
              ))}
            </Rows>
            {older}
          </Card>
        )}
      </LoadedPages>
    </Page>
  )
}

function NoAlerts({ isPast, isFiltered }: { readonly isPast: boolean; readonly isFiltered: boolean }) {
  const text = useText(alertsText)
  if (isFiltered) {
    return (
      <EmptyState icon={IconCheck} title={text.noneFits}>
        {text.noneFitsWords}
      </EmptyState>
    )
  }
  return isPast ? (
    <EmptyState icon={IconHistory} title={text.nonePast}>
      {text.nonePastWords}
    </EmptyState>
  ) : (
    <EmptyState icon={IconCheck} title={text.allWell}>
      {text.allWellWords}
    </EmptyState>
  )
}
