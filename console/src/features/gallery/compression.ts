/**
 * Browsers cut an element that is higher than some 11 million pixels on a phone. A higher list is scrolled in an element of
 * MOST pixels: small movements move the list by as much, far jumps go to the same share of it.
 */
export const MOST = 8_000_000

export class Compression {
  /** Where the list is. */
  real = 0
  /** Where the element is scrolled to. */
  top = 0
  private total = 0
  private view = 0

  resize(total: number, view: number): void {
    this.total = total
    this.view = view
  }

  get height(): number {
    return Math.min(this.total, MOST)
  }

  private get ratio(): number {
    return this.height > this.view ? (this.total - this.view) / (this.height - this.view) : 1
  }

  /** The element was scrolled to `top`; returns where the list is then. */
  scrolled(top: number): number {
    const moved = top - this.top
    const end = this.height - this.view
    if (this.ratio === 1) this.real = top
    else if (top <= 0) this.real = 0
    else if (top >= end) this.real = this.total - this.view
    else if (Math.abs(moved) > this.view * 2) this.real = top * this.ratio
    else this.real = Math.min(Math.max(this.real + moved, 0), this.total - this.view)
    this.top = top
    return this.real
  }

  /** The list goes to `real`; returns where to scroll the element to. */
  jump(real: number): number {
    this.real = Math.min(Math.max(real, 0), Math.max(this.total - this.view, 0))
    this.top = this.ratio === 1 ? this.real : Math.round(this.real / this.ratio)
    return this.top
  }

  /** By how much the list's pixels are moved to stand where they are seen. */
  get shift(): number {
    return this.top - this.real
  }
}
