/** The colours of what is shown side by side, in their order: the variables of tokens.css. */
export const MOST_LINES = 8

export function lineColour(place: number): string {
  return `var(--series-${(place % MOST_LINES) + 1})`
}
