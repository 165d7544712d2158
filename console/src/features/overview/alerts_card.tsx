import { Link } from '@tanstack/react-router'
import { useAlertSentence } from '@/shared/alert_words'
import { Card } from '@/shared/components/page'
import { When } from '@/shared/components/when'
import { alertWords } from '@/shared/messages/alert_words'
import { useText } from '@/shared/messages/define'
import { overviewText } from '@/shared/messages/overview'
import type { Overview } from './overview'
import css from './overview.module.css'

export function AlertsCard({ alerts }: { readonly alerts: Overview['alerts'] }) {
  const text = useText(overviewText)
  const words = useText(alertWords)
  const sentence = useAlertSentence()
  const more = alerts.open - alerts.newest.length
  return (
    <Card
      title={text.alerts}
      aside={
        alerts.open > 0 && (
          <span className={css.beside}>
            <span className={css.count}>{alerts.open}</span>
            <Link to="/alerts">{text.allAlerts}</Link>
          </span>
        )
      }
    >
      {alerts.open === 0 ? (
        <p className={css.soft}>{text.noAlerts}</p>
      ) : (
        <ul className={css.alerts}>
          {alerts.newest.map((alert) => (
            <li key={alert.alert_id} className={css.alert} data-severity={alert.severity}>
              {alert.device_id === null ? (
                words.kinds[alert.kind]
              ) : (
                <Link to="/devices/$deviceId" params={{ deviceId: alert.device_id }}>
                  {alert.name ?? alert.device_id}
                </Link>
              )}
              <span>{sentence(alert)}</span>
              <span className={css.soft}>
                {words.severities[alert.severity]} ·{' '}
                <When at={alert.opened_at} siteZone={alert.timezone ?? null} />
              </span>
            </li>
          ))}
          {more > 0 && <li className={css.soft}>{text.moreAlerts(more)}</li>}
        </ul>
      )}
    </Card>
  )
}
