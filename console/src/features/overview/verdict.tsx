import { IconAlertTriangle, IconCircleCheck } from '@/shared/icons'
import { useText } from '@/shared/messages/define'
import { overviewText } from '@/shared/messages/overview'
import type { Overview } from './overview'
import css from './overview.module.css'

/** The answer to the first question of the day: is all well? */
export function Verdict({ overview }: { readonly overview: Overview }) {
  const text = useText(overviewText)
  const { states, devices, service } = overview
  const troubled = devices - (states.asleep ?? 0) - (states.new ?? 0)
  const tone =
    service.ill || (states.lost ?? 0) + (states.failing ?? 0) > 0 ? 'bad' : troubled > 0 ? 'late' : 'good'
  const Sign = tone === 'good' ? IconCircleCheck : IconAlertTriangle
  return (
    <div className={css.verdict} data-tone={tone}>
      <Sign size={28} stroke={1.7} aria-hidden="true" />
      <div>
        <p className={css.verdictWords}>
          {service.ill
            ? text.serviceIll
            : troubled === 0
              ? text.allWell(devices)
              : text.look(troubled, devices)}
        </p>
        <p className={css.soft}>{service.ill ?? text.heard(overview.heard)}</p>
      </div>
    </div>
  )
}
