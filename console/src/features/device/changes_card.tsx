/** Who changed what about the device: for admins, as the audit log is. */
import { Link } from '@tanstack/react-router'
import type { Change } from '@/shared/change_words'
import { ChangeRow } from '@/shared/components/change_row'
import { Card } from '@/shared/components/page'
import { Rows } from '@/shared/components/rows'
import { EmptyState } from '@/shared/components/states'
import { IconHistory } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { deviceSettingsText } from '@/shared/messages/device_settings'
import type { DeviceNow } from './device_answers'

interface ChangesCardProps {
  readonly deviceId: string
  readonly changes: readonly Change[]
  readonly sites: DeviceNow['sites']
}

export function ChangesCard({ deviceId, changes, sites }: ChangesCardProps) {
  const text = useText(deviceSettingsText)
  const names = new Map(sites.map(({ site_id, name }) => [site_id, name]))
  return (
    <Card
      title={text.changes}
      aside={
        <Link to="/people/log" search={{ device: deviceId }}>
          {text.allChanges}
        </Link>
      }
    >
      {changes.length === 0 ? (
        <EmptyState icon={IconHistory} title={text.noChange}>
          {text.noChangeWords}
        </EmptyState>
      ) : (
        <Rows label={text.changes}>
          {changes.map((change) => (
            <ChangeRow key={change.audit_id} change={change} sites={names} isOfPage />
          ))}
        </Rows>
      )}
    </Card>
  )
}
