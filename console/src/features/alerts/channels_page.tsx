/** Who is told of what, and how that fares. */
import { Button } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useCall } from '@/shared/call'
import { Page } from '@/shared/components/page'
import { Secret } from '@/shared/components/secret'
import { Blocks, EmptyState, Loaded } from '@/shared/components/states'
import { IconPlus, IconSend } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { alertsText } from '@/shared/messages/alerts'
import { channelsText } from '@/shared/messages/channels'
import { useText } from '@/shared/messages/define'
import { AlertTabs } from './alert_tabs'
import css from './alerts.module.css'
import { ChannelCard } from './channel_card'
import { ChannelDialog } from './channel_dialog'
import { DeliveriesDialog } from './deliveries_dialog'

const route = getRouteApi('/shell/alerts/channels')

export function ChannelsPage() {
  const text = useText(alertsText)
  const words = useText(channelsText)
  const mayChange = useMay('admin')
  const { deliveries } = route.useSearch()
  const navigate = useNavigate()
  const settings = useCall('console_alert_settings', {}, { every: 15_000 })
  const [asks, setAsks] = useState(false)
  const [secret, setSecret] = useState<string | null>(null)
  const button = mayChange && (
    <Button leftSection={<IconPlus size={16} aria-hidden="true" />} onClick={() => setAsks(true)}>
      {words.make}
    </Button>
  )
  return (
    <Page title={text.channels} lead={words.lead} actions={button}>
      <AlertTabs />
      <Loaded query={settings} loading={<Blocks count={2} height="12rem" />}>
        {(found) => {
          const shown = found.channels.find(({ channel_id }) => channel_id === deliveries)
          return (
            <>
              {found.channels.length === 0 ? (
                <EmptyState icon={IconSend} title={words.none} action={button}>
                  {mayChange ? words.noneWords : words.noneWordsOthers}
                </EmptyState>
              ) : (
                <div className={css.cards}>
                  {found.channels.map((channel) => (
                    <ChannelCard
                      key={channel.channel_id}
                      channel={channel}
                      settings={found}
                      showSecret={setSecret}
                    />
                  ))}
                </div>
              )}
              {asks && (
                <ChannelDialog
                  channel={null}
                  settings={found}
                  showSecret={setSecret}
                  close={() => setAsks(false)}
                />
              )}
              {shown && (
                <DeliveriesDialog
                  channel={shown}
                  close={() => void navigate({ to: '/alerts/channels', search: {} })}
                />
              )}
            </>
          )
        }}
      </Loaded>
      {secret !== null && (
        <Secret
          title={words.secretTitle}
          words={words.secretWords}
          secret={secret}
          close={() => setSecret(null)}
        />
      )}
    </Page>
  )
}
