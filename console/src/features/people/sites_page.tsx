/** Where devices stand: names, and the clock that their times are told by. */
import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { asUser, useRows } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { Card, Page } from '@/shared/components/page'
import { Row, Rows } from '@/shared/components/rows'
import { Blocks, EmptyState, Loaded } from '@/shared/components/states'
import { IconMapPin, IconPlus } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { peopleText } from '@/shared/messages/people'
import { database } from '@/shared/supabase'
import { VIEWER_ZONE, zonesWith } from '@/shared/zones'
import { PeopleTabs } from './people_tabs'

interface Site {
  readonly site_id: string
  readonly name: string
  readonly timezone: string | null
}

export function SitesPage() {
  const text = useText(peopleText)
  const mayChange = useMay('operator')
  const [asked, setAsked] = useState<Site | 'new' | null>(null)
  const [removed, setRemoved] = useState<Site | null>(null)
  const sites = useRows(['sites'], () =>
    database.from('sites').select('site_id, name, timezone').order('name').limit(1000),
  )
  const button = mayChange && (
    <Button leftSection={<IconPlus size={16} aria-hidden="true" />} onClick={() => setAsked('new')}>
      {text.addSite}
    </Button>
  )
  return (
    <Page title={text.sites} lead={text.sitesLead} actions={button}>
      <PeopleTabs />
      <Loaded query={sites} loading={<Blocks count={3} height="4rem" />}>
        {(found) =>
          found.length === 0 ? (
            <EmptyState icon={IconMapPin} title={text.noSite}>
              {text.noSiteWords}
            </EmptyState>
          ) : (
            <Card>
              <Rows label={text.sites}>
                {found.map((site) => (
                  <Row
                    key={site.site_id}
                    title={site.name}
                    actions={
                      mayChange && (
                        <>
                          <Button variant="default" onClick={() => setAsked(site)}>
                            {text.change}
                          </Button>
                          <Button variant="subtle" color="red" onClick={() => setRemoved(site)}>
                            {text.delete}
                          </Button>
                        </>
                      )
                    }
                  >
                    {site.timezone ?? text.noZone}
                  </Row>
                ))}
              </Rows>
            </Card>
          )
        }
      </Loaded>
      {asked !== null && <SiteDialog site={asked === 'new' ? null : asked} close={() => setAsked(null)} />}
      {removed && <DeleteDialog site={removed} close={() => setRemoved(null)} />}
    </Page>
  )
}

interface SiteDialogProps {
  readonly site: Site | null
  readonly close: () => void
}

function SiteDialog({ site, close }: SiteDialogProps) {
  const text = useText(peopleText)
  const client = useQueryClient()
  const [name, setName] = useState(site?.name ?? '')
  const [zone, setZone] = useState(site ? (site.timezone ?? '') : VIEWER_ZONE)
  async function act() {
    const values = { name: name.trim(), timezone: zone || null }
    await asUser(() =>
      site
        ? database.from('sites').update(values).eq('site_id', site.site_id)
        : // The company is the caller's: a trigger fills it in.
          database.from('sites').insert(values as never),
    )
    await client.invalidateQueries({ queryKey: ['sites'] })
  }
  const title = site ? text.changeSite : text.addSite
  return (
    <Dialog title={title} button={title} act={act} close={close}>
      <TextInput
        label={text.name}
        data-autofocus
        required
        maxLength={120}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label={text.zone}
        data={[{ value: '', label: text.noZone }, ...zonesWith(zone)]}
        value={zone}
        onChange={(event) => setZone(event.currentTarget.value)}
      />
    </Dialog>
  )
}

function DeleteDialog({ site, close }: { readonly site: Site; readonly close: () => void }) {
  const text = useText(peopleText)
  const client = useQueryClient()
  async function act() {
    await asUser(() => database.from('sites').delete().eq('site_id', site.site_id))
    await client.invalidateQueries({ queryKey: ['sites'] })
  }
  return (
    <Dialog title={text.delete} button={text.delete} isGrave act={act} close={close}>
      <p>{text.deleteWords(site.name)}</p>
    </Dialog>
  )
}
