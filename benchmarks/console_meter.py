"""What is measured in a page of the console; all times are in milliseconds, and distances in px."""

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import CDPSession, Page

# Runs before anything of the page: notes the largest paint so far, and the tasks of more than 50 ms.
WATCH: Final = """
window.meter = { paint: 0, tasks: [] }
new PerformanceObserver((list) => { for (const one of list.getEntries()) meter.paint = one.startTime })
  .observe({ type: 'largest-contentful-paint', buffered: true })
new PerformanceObserver((list) => { for (const one of list.getEntries()) meter.tasks.push(one.duration) })
  .observe({ type: 'longtask', buffered: true })
// Whether all pictures in sight are there, and of this day if one is given.
meter.shown = (day) => {
  const seen = [...document.querySelectorAll('#content img')].filter((img) => {
    const box = img.getBoundingClientRect()
    // What has scrolled out of the list is not seen, though the window goes on above it.
    const list = img.closest('[data-testid=pictures]')?.getBoundingClientRect()
    return box.bottom > (list?.top ?? 0) && box.top < (list?.bottom ?? innerHeight) && box.width > 0
  })
  const isDay = !day || new URLSearchParams(location.search).get('day') === day
  return isDay && seen.length > 0 && seen.every((img) => img.complete && img.naturalWidth > 0)
}
meter.until = (holds) => new Promise((done) => {
  const step = () => (holds() ? done() : requestAnimationFrame(step))
  requestAnimationFrame(step)
})
meter.wait = (day) => meter.until(() => meter.shown(day))
meter.field = () => meter.until(() => document.querySelector('input[name=email]'))
"""

_SCROLL: Final = """async ([speed, ms]) => {
  const scroller = document.querySelector('[data-testid=pictures]'), frames = [], from = meter.tasks.length
  let last = performance.now(), nodes = 0, at = scroller.scrollTop
  const end = last + ms
  await new Promise((done) => {
    const step = (now) => {
      frames.push(now - last)
      at += (speed * (now - last)) / 1000
      scroller.scrollTop = at
      last = now
      if (frames.length % 20 === 0) nodes = Math.max(nodes, document.querySelectorAll('*').length)
      if (now < end) requestAnimationFrame(step)
      else done()
    }
    requestAnimationFrame((now) => { last = now; requestAnimationFrame(step) })
  })
  await new Promise((done) => setTimeout(done, 200))
  frames.sort((a, b) => a - b)
  const task = Math.max(0, ...meter.tasks.slice(from))
  return { frame: frames[Math.floor(frames.length * 0.95)], task, nodes }
}"""

_JUMP: Final = """async (day) => {
  const field = document.querySelector('input[type=date]')
  const begin = performance.now()
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, day)
  field.dispatchEvent(new Event('input', { bubbles: true }))
  await meter.wait(day)
  return performance.now() - begin
}"""

_OPEN: Final = """[...document.querySelectorAll('[data-id]')]
  .find((one) => one.getBoundingClientRect().top > innerHeight / 4).click()"""


@dataclass(frozen=True)
class Scrolled:
    """One scroll: the 95th percentile of its frames, its longest task above 50 ms (or 0), the most nodes."""

    frame: float
    task: float
    nodes: int


class Meter:
    """Measures a page, which must have been opened with `WATCH`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._cdp: CDPSession = page.context.new_cdp_session(page)

    def largest_paint(self, path: str, *, until: str) -> float:
        """Open an address anew and return when its largest part was painted; `until` waits for it."""
        self.page.goto(path)
        self.page.evaluate(until)
        # The paint is told in the frame after it.
        self.page.evaluate("new Promise((done) => setTimeout(done, 300))")
        return float(self.page.evaluate("meter.paint"))

    def pictures_are_there(self) -> None:
        """Wait until all pictures in sight are loaded."""
        self.page.evaluate("meter.wait()")

    def scroll(self, px_per_s: int, ms: int) -> Scrolled:
        """Scroll the list of pictures at one speed."""
        found = self.page.evaluate(_SCROLL, [px_per_s, ms])
        return Scrolled(found["frame"], found["task"], found["nodes"])

    def jump(self, day: str) -> float:
        """Go to a day of the gallery; return how long it took until all its pictures in sight were there."""
        return float(self.page.evaluate(_JUMP, day))

    def open_picture(self) -> None:
        """Click a picture in the upper half of the window, once all in sight are there."""
        self.pictures_are_there()
        self.page.evaluate(_OPEN)

    def nodes(self) -> int:
        """Return how many elements the page has."""
        return int(self.page.evaluate("document.querySelectorAll('*').length"))

    def heap_mb(self) -> float:
        """Return the heap of the page's JavaScript, after its garbage was collected."""
        self._cdp.send("HeapProfiler.collectGarbage")
        return float(self._cdp.send("Runtime.getHeapUsage")["usedSize"]) / 1e6
