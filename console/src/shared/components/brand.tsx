import css from './brand.module.css'

/** The name of the console with its sign. */
export function Brand() {
  return (
    <span className={css.brand}>
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="8" className={css.ground} />
        <circle cx="16" cy="16" r="8.5" className={css.ring} />
        <circle cx="16" cy="16" r="3.4" className={css.dot} />
      </svg>
      Fleet
    </span>
  )
}
