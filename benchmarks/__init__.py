"""The benchmarks: they measure the service's real processes, and the limits of the machine.

`python -m benchmarks` runs all of them in a few minutes, prints a table, and writes a JSON file and plots.
The main figures are also given as ratios to a limit that was measured in the same run, because absolute
figures from another machine say little. See docs/performance.md.
"""
