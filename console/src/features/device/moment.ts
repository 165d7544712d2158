/** The moment that charts and pictures point at together, in seconds since 1970; null: the present. */
import { createStore } from '@/shared/store'

export const moment = createStore<number | null>(null)
