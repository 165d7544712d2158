/** Of what a page is: a site, or several devices; the one takes the place of the other. */
import { NativeSelect } from '@mantine/core'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { ChosenDevices } from './chosen_devices'

export interface SiteOrDevicesSearch {
  readonly site?: string | undefined
  /** With commas between them. */
  readonly devices?: string | undefined
}

interface SiteOrDevicesProps {
  readonly site: string | undefined
  readonly devices: readonly string[]
  readonly most: number
  /** What no site means. */
  readonly noSite: string
  /** What the page's answer has of them; nothing while it is loaded. */
  readonly known:
    | {
        readonly sites: readonly { readonly site_id: string; readonly name: string }[]
        readonly devices: readonly { readonly device_id: string; readonly name: string | null }[]
      }
    | undefined
  readonly onChange: (chosen: SiteOrDevicesSearch) => void
}

export function SiteOrDevices({ site, devices, most, noSite, known, onChange }: SiteOrDevicesProps) {
  const text = useText(commonText)
  const names = new Map(known?.devices.map(({ device_id, name }) => [device_id, name]))
  return (
    <>
      {known && known.sites.length > 0 && (
        <NativeSelect
          aria-label={text.site}
          data={[
            { value: '', label: noSite },
            ...known.sites.map(({ site_id, name }) => ({ value: site_id, label: name })),
          ]}
          value={site ?? ''}
          onChange={(event) => onChange({ site: event.currentTarget.value || undefined, devices: undefined })}
        />
      )}
      <ChosenDevices
        devices={devices}
        nameOf={(device) => names.get(device) ?? device}
        most={most}
        onChange={(chosen) => onChange({ devices: chosen.join(',') || undefined, site: undefined })}
      />
    </>
  )
}
