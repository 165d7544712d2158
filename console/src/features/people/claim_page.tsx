/** Makes devices the company's, by the code on their labels, and gives them up. */
import { Alert, Button, TextInput } from '@mantine/core'
import { Link, useLocation } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { useAction } from '@/shared/call'
import { ActionError } from '@/shared/components/action_error'
import { Dialog } from '@/shared/components/dialog'
import { Card, Page } from '@/shared/components/page'
import { ToolBar } from '@/shared/components/tool_bar'
import { IconQrcode } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { peopleText } from '@/shared/messages/people'
import { Unsaved } from '@/shared/unsaved'
import { codeIn } from './label_code'
import css from './people.module.css'
import { PeopleTabs } from './people_tabs'
import { canScan, ScanDialog } from './scan_dialog'

const DevicePicker = lazy(() =>
  import('@/shared/components/device_picker').then(({ DevicePicker: component }) => ({ default: component })),
)

export function ClaimPage() {
  const text = useText(peopleText)
  const mayClaim = useMay('operator')
  const mayRelease = useMay('admin')
  return (
    <Page title={text.claiming} lead={text.claimingLead}>
      <PeopleTabs />
      <div className={css.columns}>
        {mayClaim ? (
          <ClaimCard />
        ) : (
          <Card title={text.claim}>
            <p className={css.soft}>{text.claimOthers}</p>
          </Card>
        )}
        {mayRelease && <ReleaseCard />}
      </div>
    </Page>
  )
}

/** Hands over the code that a label's link brought along, whenever one does, and takes it out of the address. */
function useLabelCode(take: (code: string) => void) {
  const hash = useLocation({ select: (location) => location.hash })
  useEffect(() => {
    const code = codeIn(`#${hash}`)
    if (code !== '') {
      take(code)
      window.history.replaceState(window.history.state, '', window.location.pathname)
    }
  }, [hash, take])
}

function ClaimCard() {
  const text = useText(peopleText)
  const claim = useAction('claim_device', ['devices-named', 'console_devices', 'console_overview'])
  const [code, setCode] = useState('')
  useLabelCode(setCode)
  const [isScanning, setScanning] = useState(false)
  return (
    <Card title={text.claim}>
      <Unsaved isTyped={code !== ''} />
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault()
          claim.mutate({ p_code: code }, { onSuccess: (device) => device && setCode('') })
        }}
      >
        <p className={css.soft}>{text.claimWords}</p>
        <TextInput
          label={text.code}
          placeholder="0123-4567-89AB-CDEF"
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          required
          maxLength={64}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        {claim.isSuccess &&
          (claim.data ? (
            <Alert color="fern" role="status">
              {text.claimed(claim.data)}{' '}
              <Link to="/devices/$deviceId" params={{ deviceId: claim.data }}>
                {text.toDevice}
              </Link>
            </Alert>
          ) : (
            <Alert color="red" role="alert">
              {text.wrongCode}
            </Alert>
          ))}
        <ActionError error={claim.error} />
        <ToolBar>
          <Button type="submit" loading={claim.isPending}>
            {text.claim}
          </Button>
          {canScan() && (
            <Button
              variant="default"
              leftSection={<IconQrcode size={16} aria-hidden="true" />}
              onClick={() => setScanning(true)}
            >
              {text.scan}
            </Button>
          )}
        </ToolBar>
      </form>
      {isScanning && (
        <ScanDialog
          found={(read) => {
            setCode(codeIn(read))
            setScanning(false)
          }}
          close={() => setScanning(false)}
        />
      )}
    </Card>
  )
}

function ReleaseCard() {
  const text = useText(peopleText)
  const release = useAction('release_device', ['devices-named', 'console_devices', 'console_overview'])
  const [device, setDevice] = useState<string | null>(null)
  const [asks, setAsks] = useState(false)
  // Another picker after each release, without the device that is gone.
  const [round, setRound] = useState(0)
  return (
    <Card title={text.release}>
      <div className={css.form}>
        <p className={css.soft}>{text.releaseWords}</p>
        <Suspense>
          <DevicePicker key={round} onChange={setDevice} />
        </Suspense>
        {release.isSuccess && (
          <Alert color="fern" role="status">
            {text.released(release.variables.p_device ?? '')}
          </Alert>
        )}
        <ToolBar>
          <Button variant="default" color="red" disabled={device === null} onClick={() => setAsks(true)}>
            {text.release}
          </Button>
        </ToolBar>
      </div>
      {asks && device !== null && (
        <Dialog
          title={text.release}
          button={text.release}
          isGrave
          act={async () => {
            await release.mutateAsync({ p_device: device })
            setDevice(null)
            setRound(round + 1)
          }}
          close={() => setAsks(false)}
        >
          <p>{text.releaseAsk(device)}</p>
        </Dialog>
      )}
    </Card>
  )
}
