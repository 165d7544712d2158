"""The benchmarks: the real processes on servers of their own, beside the limits of the machine.

`python -m benchmarks` runs all of it in some minutes and writes a table, a JSON file and plots. Every
figure comes as a ratio too, to a limit that was measured in the same run, because absolute figures of
another machine say little. See docs/performance.md.
"""
