import css from '@/shared/components/page.module.css'
import { Blocks } from '@/shared/components/states'

/** Stands where a page comes whose code is still loading. */
export function PagePending() {
  return (
    <div className={css.page}>
      <Blocks count={4} height="6rem" />
    </div>
  )
}
