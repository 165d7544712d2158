/** Whether a list passes faster than pictures are seen, so that none needs to be fetched. */

/** Screens a second: what passes is in sight for less than half of one. */
const FAST = 2
/** Over so long the speed is taken; after so long without a movement it is over. */
export const STILL_MS = 100

/** Told each movement of a list; a single one, however far, is a jump and no haste. */
export class Haste {
  #since = Number.NEGATIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY
  #from = 0
  #isFast = false

  /** `ms` is the time, `offset` where the list is, `screen` how much of it is in sight, both in pixels. */
  at(ms: number, offset: number, screen: number): boolean {
    const isNew = ms - this.#last > STILL_MS
    this.#last = ms
    if (isNew) this.#isFast = false
    else if (ms - this.#since < STILL_MS) return this.#isFast
    else this.#isFast = (Math.abs(offset - this.#from) / (ms - this.#since)) * 1000 > FAST * screen
    this.#since = ms
    this.#from = offset
    return this.#isFast
  }
}
