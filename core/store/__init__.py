"""All that Redis holds: captures and their chunks, what devices must be told, the streams, the locks.

`keys` documents every key. `captures`, `devices`, `streams`, `locks` and `listeners` each look after their
own; `capture` is what a capture is once it is parsed; `scripts` and `lua/` are the steps that nothing may
interrupt.
"""
