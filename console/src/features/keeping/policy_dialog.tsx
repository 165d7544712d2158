/** Sets a policy; before that it is shown what it would let go, for good. */
import { Alert, Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useAction } from '@/shared/call'
import { ActionError } from '@/shared/components/action_error'
import { Dialog } from '@/shared/components/dialog'
import { type Scope, ScopeFields, type Site, useScopeName, WHOLE_COMPANY } from '@/shared/components/scope'
import { useFormat } from '@/shared/format'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'
import css from './keeping.module.css'
import { LIMITS, type Limit, type Policy, type Preview } from './keeping_answers'

interface PolicyDialogProps {
  /** What is changed; null for a new one. */
  readonly policy: Policy | null
  readonly sites: readonly Site[]
  readonly close: () => void
}

type Typed = Readonly<Partial<Record<Limit, string>>>
const GIGABYTE = 1e9

function typedOf(policy: Policy | null): Typed {
  return Object.fromEntries(
    LIMITS.flatMap((limit) => {
      const value = policy?.[limit]
      return value == null ? [] : [[limit, String(limit === 'max_bytes' ? value / GIGABYTE : value)]]
    }),
  )
}

export function PolicyDialog({ policy, sites, close }: PolicyDialogProps) {
  const text = useText(keepingText)
  const scopeName = useScopeName()
  const set = useAction('set_keep_policy', ['console_keeping'])
  const preview = useAction('preview_keep_policy', [])
  const [scope, setScope] = useState<Scope | null>(
    policy ? { site: policy.site_id, device: policy.device_id } : WHOLE_COMPANY,
  )
  const [typed, setTyped] = useState(() => typedOf(policy))

  function wanted() {
    const limits = LIMITS.flatMap((limit) => {
      const value = typed[limit]
      if (!value) return []
      return [[limit, limit === 'max_bytes' ? Math.round(Number(value) * GIGABYTE) : Number(value)]]
    })
    return { site_id: scope?.site ?? null, device_id: scope?.device ?? null, ...Object.fromEntries(limits) }
  }
  const p_policy = wanted()
  // Another policy was not looked at yet.
  const isSeen = JSON.stringify(preview.variables?.p_policy) === JSON.stringify(p_policy)
  const seen = isSeen ? (preview.data ?? null) : null
  const isEmpty = LIMITS.every((limit) => !typed[limit])

  return (
    <Dialog
      title={text.setPolicy}
      button={seen && seen.captures > 0 ? text.setAndLetGo : text.setPolicy}
      isGrave={seen !== null && seen.captures > 0}
      isReady={seen !== null}
      act={() => set.mutateAsync({ p_policy })}
      close={close}
    >
      {policy ? (
        <p>
          <strong>{scopeName(policy)}</strong>
        </p>
      ) : (
        <ScopeFields sites={sites} onChange={setScope} />
      )}
      <div className={css.pair}>
        {LIMITS.map((limit) => (
          <TextInput
            key={limit}
            type="number"
            min={limit === 'max_bytes' ? 0.001 : 1}
            step={limit === 'max_bytes' ? 'any' : 1}
            label={text.limits[limit]}
            value={typed[limit] ?? ''}
            onChange={(event) => setTyped({ ...typed, [limit]: event.currentTarget.value })}
          />
        ))}
      </div>
      <Button
        variant="default"
        disabled={scope === null || isEmpty}
        loading={preview.isPending}
        onClick={() => preview.mutate({ p_policy })}
      >
        {text.look}
      </Button>
      <ActionError error={preview.error} />
      {seen && <PreviewWords preview={seen} />}
    </Dialog>
  )
}

function PreviewWords({ preview }: { readonly preview: Preview }) {
  const text = useText(keepingText)
  const format = useFormat()
  return (
    <Alert color={preview.captures > 0 ? 'red' : 'fern'} role="status">
      {preview.captures > 0 ? (
        <p>
          <strong>
            {text.lets(
              format.number(preview.captures),
              format.bytes(preview.bytes),
              format.number(preview.devices),
            )}
          </strong>{' '}
          {text.fromTo(format.date(preview.oldest), format.date(preview.newest))} {text.noWayBack}
        </p>
      ) : (
        <p>{text.letsNothing}</p>
      )}
      {preview.smaller.captures > 0 && (
        <p>
          {text.makesSmaller(format.number(preview.smaller.captures), format.bytes(preview.smaller.bytes))}
        </p>
      )}
      {preview.pinned > 0 && <p>{text.spares(format.number(preview.pinned))}</p>}
    </Alert>
  )
}
