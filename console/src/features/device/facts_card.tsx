/** How the device is now: what it said last, and what it is told to do next. */
import { useAlertSentence } from '@/shared/alert_words'
import { Fact, Facts } from '@/shared/components/facts'
import { Card } from '@/shared/components/page'
import { When } from '@/shared/components/when'
import { useFormat } from '@/shared/format'
import { IconAlertTriangle } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import { signalOf } from '@/shared/signal'
import { useDates } from './dates'
import type { Alert, Device } from './device_answers'
import css from './facts_card.module.css'

export function FactsCard({
  device,
  alerts,
}: {
  readonly device: Device
  readonly alerts: readonly Alert[]
}) {
  const text = useText(deviceText)
  const format = useFormat()
  const dates = useDates()
  const sentence = useAlertSentence()
  const { battery_percent: percent, battery_mv: millivolts, rssi, heap, uptime_s, boots, pending } = device
  const battery = [
    percent !== null && format.percent(percent / 100),
    millivolts !== null && text.volts(format.number(millivolts / 1000, 2)),
  ].filter(Boolean)
  return (
    <Card title={text.now}>
      {alerts.map((alert) => (
        <p key={alert.alert_id} className={css.alert} data-severity={alert.severity}>
          <IconAlertTriangle size={18} aria-hidden="true" />
          <span>
            {sentence({ ...alert, timezone: device.zone })}{' '}
            <When at={alert.opened_at} siteZone={device.zone} />
          </span>
        </p>
      ))}
      <Facts>
        <Fact name={text.lastSeen}>
          {device.last_seen_at === null ? (
            text.never
          ) : (
            <When at={device.last_seen_at} siteZone={device.zone} />
          )}
        </Fact>
        <Fact name={text.nextWake}>
          {device.next_wake_at === null ? (
            text.unknown
          ) : (
            <When at={device.next_wake_at} siteZone={device.zone} />
          )}
        </Fact>
        <Fact name={text.series.battery}>{battery.length > 0 ? battery.join(' · ') : text.untold}</Fact>
        <Fact name={text.signal}>
          {rssi === null ? text.untold : `${text.signals[signalOf(rssi)]} · ${format.number(rssi)} dBm`}
        </Fact>
        <Fact name={text.series.heap}>{heap === null ? text.untold : format.bytes(heap)}</Fact>
        <Fact name={text.series.uptime}>{uptime_s === null ? text.untold : dates.length(uptime_s)}</Fact>
        <Fact name={text.series.boots}>{boots === null ? text.untold : format.number(boots)}</Fact>
        <Fact name={text.pending}>{pending === null ? text.untold : format.number(pending)}</Fact>
        <Fact name={text.firmware}>{device.firmware ?? text.untold}</Fact>
        <Fact name={text.deviceId}>
          <code>{device.device_id}</code>
        </Fact>
      </Facts>
    </Card>
  )
}
