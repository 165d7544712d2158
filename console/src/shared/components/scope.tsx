/** For what a rule, a window or a policy is: the whole company, one of its sites, or one of its devices. */
import { NativeSelect, SegmentedControl } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'

const DevicePicker = lazy(() =>
  import('./device_picker').then(({ DevicePicker: component }) => ({ default: component })),
)

export interface Scope {
  readonly site: string | null
  readonly device: string | null
}
export const WHOLE_COMPANY: Scope = { site: null, device: null }

export interface Site {
  readonly site_id: string
  readonly name: string
}

const KINDS = ['company', 'site', 'device'] as const
type Kind = (typeof KINDS)[number]

interface ScopeFieldsProps {
  readonly kinds?: readonly Kind[]
  readonly sites: readonly Site[]
  /** Null while nothing is chosen. */
  readonly onChange: (scope: Scope | null) => void
}

export function ScopeFields({ kinds = KINDS, sites, onChange }: ScopeFieldsProps) {
  const text = useText(commonText)
  const offered = kinds.filter((kind) => kind !== 'site' || sites.length > 0)
  const [kind, setKind] = useState<Kind>(offered[0] ?? 'company')
  const [site, setSite] = useState('')
  function choose(next: Kind) {
    setKind(next)
    setSite('')
    onChange(next === 'company' ? WHOLE_COMPANY : null)
  }
  return (
    <>
      {offered.length > 1 && (
        <SegmentedControl
          fullWidth
          aria-label={text.scope}
          data={offered.map((name) => ({ value: name, label: text.scopes[name] }))}
          value={kind}
          onChange={(value) => choose(offered.find((name) => name === value) ?? 'company')}
        />
      )}
      {kind === 'site' && (
        <NativeSelect
          label={text.scopes.site}
          required
          data={[
            { value: '', label: '–' },
            ...sites.map(({ site_id, name }) => ({ value: site_id, label: name })),
          ]}
          value={site}
          onChange={(event) => {
            const chosen = event.currentTarget.value
            setSite(chosen)
            onChange(chosen === '' ? null : { site: chosen, device: null })
          }}
        />
      )}
      {kind === 'device' && (
        <Suspense>
          <DevicePicker onChange={(device) => onChange(device === null ? null : { site: null, device })} />
        </Suspense>
      )}
    </>
  )
}

/** A scope in words: the name of the device or site, or that it is the whole company. */
export function useScopeName(): (names: {
  readonly site_name?: string | null
  readonly device_name?: string | null
}) => string {
  const text = useText(commonText)
  return ({ site_name, device_name }) => device_name ?? site_name ?? text.scopes.company
}
