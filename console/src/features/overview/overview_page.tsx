import { useCall } from '@/shared/call'
import { Page } from '@/shared/components/page'
import { Blocks, EmptyState, Loaded } from '@/shared/components/states'
import { IconCamera } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { overviewText } from '@/shared/messages/overview'
import { AlertsCard } from './alerts_card'
import { NewestPictures } from './newest_pictures'
import css from './overview.module.css'
import './overview'
import { ServiceCard } from './service_card'
import { StatesBar } from './states_bar'
import { StorageCard } from './storage_card'
import { TodayCard } from './today_card'
import { Verdict } from './verdict'

const EVERY_MS = 10_000
const PICTURES = 12

export function OverviewPage() {
  const text = useText(overviewText)
  const overview = useCall('console_overview', { p_pictures: PICTURES }, { every: EVERY_MS })
  return (
    <Page title={text.title}>
      <Loaded query={overview} loading={<Blocks count={3} height="11rem" />}>
        {(all) =>
          all.devices === 0 ? (
            <EmptyState icon={IconCamera} title={text.emptyTitle}>
              {text.empty}
            </EmptyState>
          ) : (
            <div className={css.overview}>
              <div className={css.main}>
                <Verdict overview={all} />
                <StatesBar states={all.states} />
                <NewestPictures pictures={all.pictures} />
              </div>
              <div className={css.aside}>
                <AlertsCard alerts={all.alerts} />
                <TodayCard days={all.days} />
                <StorageCard storage={all.storage} />
                <ServiceCard service={all.service} />
              </div>
            </div>
          )
        }
      </Loaded>
    </Page>
  )
}
