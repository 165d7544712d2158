"""All data in Redis: captures and their chunks, messages for devices, the streams, the locks.

`keys` documents every key. `captures`, `devices`, `streams`, `locks`, `listeners`, `places` and
`breakers` each handle their own keys; `capture` is a parsed capture; `scripts` and `lua/` are the atomic
steps.
"""
