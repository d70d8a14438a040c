"""The clock that everything is measured with: it never goes back, and is fine enough for a round trip.

Before Python 3.13 `time.monotonic` ticks every 15.6 ms on Windows: most round trips on one machine would take 0.0 ms,
and the rest 15.6 ms. `time.perf_counter` is finer there. Elsewhere `time.monotonic` is fine enough. Either is the same
for all processes of a machine.
"""

import sys
import time

if sys.platform == "win32":
    monotonic, monotonic_ns = time.perf_counter, time.perf_counter_ns
else:
    monotonic, monotonic_ns = time.monotonic, time.monotonic_ns
