import { Link } from '@tanstack/react-router'
import { DEVICE_STATES, STATE_ICONS, STATE_TONES } from '@/shared/device_state'
import { useText } from '@/shared/messages/define'
import { deviceStatesText } from '@/shared/messages/device_states'
import { overviewText } from '@/shared/messages/overview'
import type { Overview } from './overview'
import css from './overview.module.css'

/** The fleet as one bar, and a way to the devices of each state. */
export function StatesBar({ states }: { readonly states: Overview['states'] }) {
  const text = useText(overviewText)
  const { names } = useText(deviceStatesText)
  return (
    <section aria-label={text.states}>
      <div className={css.bar} aria-hidden="true">
        {DEVICE_STATES.filter((state) => states[state]).map((state) => (
          <span key={state} data-tone={STATE_TONES[state]} style={{ flexGrow: states[state] }} />
        ))}
      </div>
      <ul className={css.tiles}>
        {DEVICE_STATES.map((state) => {
          const Sign = STATE_ICONS[state]
          const count = states[state] ?? 0
          return (
            <li key={state}>
              <Link
                to="/devices"
                search={{ state }}
                className={css.tile}
                data-tone={count > 0 ? STATE_TONES[state] : 'none'}
              >
                <span className={css.figure}>{count}</span>
                <span className={css.tileName}>
                  <Sign size={15} stroke={1.9} aria-hidden="true" />
                  {names[state]}
                </span>
              </Link>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
