/** Who changed what: for admins, the latest first, page by page by key. */
import { Button, NativeSelect } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { asUser } from '@/shared/call'
import type { CallError } from '@/shared/call_error'
import type { Change } from '@/shared/change_words'
import { ChangeRow } from '@/shared/components/change_row'
import { LoadedPages } from '@/shared/components/loaded_pages'
import { Card, Page } from '@/shared/components/page'
import { Rows } from '@/shared/components/rows'
import { Blocks, EmptyState } from '@/shared/components/states'
import { ToolBar } from '@/shared/components/tool_bar'
import { IconHistory, IconShieldLock, IconX } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { changesText } from '@/shared/messages/changes'
import { useText } from '@/shared/messages/define'
import { peopleText } from '@/shared/messages/people'
import { compact, readChoice } from '@/shared/search'
import { database } from '@/shared/supabase'
import { LOG_TABLES, type LogSearch } from './log_search'
import css from './people.module.css'
import { PeopleTabs } from './people_tabs'

const route = getRouteApi('/shell/people/log')
const MOST = 50

function useEntries({ about, device }: LogSearch, enabled: boolean) {
  return useInfiniteQuery<readonly Change[], CallError>({
    queryKey: ['audit_log', about, device],
    queryFn: ({ pageParam }) =>
      asUser(() => {
        let asked = database
          .from('audit_log')
          .select('audit_id, at, actor_email, action, table_name, subject, changes')
          .lt('audit_id', pageParam as number)
        if (about) asked = asked.eq('table_name', about)
        if (device) asked = asked.eq('device_id', device)
        return asked.order('audit_id', { ascending: false }).limit(MOST)
      }),
    initialPageParam: Number.MAX_SAFE_INTEGER as unknown,
    getNextPageParam: (page) => (page.length === MOST ? page.at(-1)?.audit_id : undefined),
    enabled,
  })
}

export function LogPage() {
  const text = useText(peopleText)
  const changes = useText(changesText)
  const isAdmin = useMay('admin')
  const search = route.useSearch()
  const { device, about } = search
  const navigate = useNavigate()
  const entries = useEntries(search, isAdmin)
  return (
    <Page title={text.log} lead={text.logLead}>
      <PeopleTabs />
      {!isAdmin ? (
        <EmptyState icon={IconShieldLock} title={text.logRefused}>
          {text.logRefusedWords}
        </EmptyState>
      ) : (
        <>
          <ToolBar>
            <NativeSelect
              aria-label={text.about}
              data={[
                { value: '', label: text.everything },
                ...LOG_TABLES.map((table) => ({ value: table, label: changes.tables[table] })),
              ]}
              value={about ?? ''}
              onChange={(event) => {
                const table = readChoice(event.currentTarget.value, LOG_TABLES)
                void navigate({ to: '/people/log', search: compact({ device, about: table }), replace: true })
              }}
            />
            {device && (
              <>
                <span className={css.soft}>{text.ofDevice(device)}</span>
                <Button
                  variant="default"
                  leftSection={<IconX size={16} aria-hidden="true" />}
                  onClick={() =>
                    void navigate({ to: '/people/log', search: compact({ about }), replace: true })
                  }
                >
                  {text.ofAll}
                </Button>
              </>
            )}
          </ToolBar>
          <LoadedPages
            query={entries}
            itemsOf={(page) => page}
            loading={<Blocks count={6} height="3.5rem" />}
            empty={
              <EmptyState icon={IconHistory} title={text.noEntry}>
                {text.noEntryWords}
              </EmptyState>
            }
          >
            {(found, older) => (
              <Card>
                <Rows label={text.log}>
                  {found.map((change) => (
                    <ChangeRow key={change.audit_id} change={change} />
                  ))}
                </Rows>
                {older}
              </Card>
            )}
          </LoadedPages>
        </>
      )}
    </Page>
  )
}
