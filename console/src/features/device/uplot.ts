/** The library that draws: large, and in a file of its own, which is loaded when there is something to draw. */
import UPlot from 'uplot'

export { UPlot }
