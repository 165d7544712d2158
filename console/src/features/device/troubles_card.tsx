/** What went wrong in the time that is shown, in words; and what can be asked for once more. */
import { Button } from '@mantine/core'
import { canBeAskedFor, isOpen, useQueue } from '@/shared/commands'
import { ActionError } from '@/shared/components/action_error'
import { Card } from '@/shared/components/page'
import { When } from '@/shared/components/when'
import { useMay } from '@/shared/me'
import { commandsText } from '@/shared/messages/commands'
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import { errorCodeText } from '@/shared/messages/error_codes'
import type { Command, Device, History, Trouble } from './device_answers'
import { FewFirst } from './few_first'
import css from './troubles_card.module.css'

interface TroublesCardProps {
  readonly device: Device
  readonly history: History
  readonly commands: readonly Command[]
}

export function TroublesCard({ device, history: { troubles, errors }, commands }: TroublesCardProps) {
  const text = useText(deviceText).troubles
  const ask = useText(commandsText)
  const codes = useText(errorCodeText)
  const queue = useQueue()
  const may = useMay('operator')
  const asked = new Set(commands.filter(isOpen).map(({ payload }) => payload.image_name))
  const inWords = (code: number | null) => codes.say(code)

  function again(trouble: Trouble) {
    if (!canBeAskedFor(trouble.code)) return null
    if (asked.has(trouble.image_name)) return <span className={css.soft}>{ask.asked}</span>
    return (
      may && (
        <Button
          variant="default"
          size="xs"
          aria-label={ask.askAgainFor(trouble.image_name)}
          loading={
            queue.isPending &&
            queue.variables.some((one) => 'image_name' in one && one.image_name === trouble.image_name)
          }
          onClick={() =>
            queue.mutate([
              { device_id: device.device_id, type: 'send_image', image_name: trouble.image_name },
            ])
          }
        >
          {ask.askAgain}
        </Button>
      )
    )
  }

  return (
    <Card title={text.title}>
      <ActionError error={queue.error} />
      {troubles.length + errors.length === 0 && <p className={css.soft}>{text.none}</p>}
      {troubles.length > 0 && (
        <FewFirst items={troubles} className={css.list}>
          {(trouble) => (
            <li key={trouble.capture_id}>
              <div>
                {trouble.status === 'partial' ? text.partial : inWords(trouble.code)}
                <small>
                  <When at={trouble.captured_at} siteZone={device.zone} exact /> · {trouble.image_name}
                </small>
              </div>
              {again(trouble)}
            </li>
          )}
        </FewFirst>
      )}
      {errors.length > 0 && (
        <>
          <h3 className={css.heading}>{text.errors}</h3>
          <FewFirst items={errors} className={css.list}>
            {({ code, times, last_at }) => (
              <li key={code}>
                <div>
                  {inWords(code)}
                  <small>
                    {text.times(times)} <When at={last_at} siteZone={device.zone} /> · {text.code(code)}
                  </small>
                </div>
              </li>
            )}
          </FewFirst>
        </>
      )}
    </Card>
  )
}
