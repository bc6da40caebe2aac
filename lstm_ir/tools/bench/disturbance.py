"""How busy other programs kept the machine while something was timed."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE_COLUMNS = (3, 4)
"""Of the line of all CPUs: idle, and waiting for a disk."""
_COUNTED_COLUMNS = 8
"""Up to the time that the host gave to other guests; what follows is counted in the first ones already."""


@dataclass
class Disturbance:
    """What others did.

    Attributes:
        cpus: How many CPUs they kept busy on average; None where the system does not tell.
    """

    cpus: float | None = None


@contextmanager
def watch_others() -> Iterator[Disturbance]:
    """Yield an object that says, once the block has ended, what other programs did meanwhile."""
    found = Disturbance()
    begun, busy, own = time.perf_counter(), _busy_seconds(), _own_seconds()
    yield found
    elapsed, busy_now, own_now = time.perf_counter() - begun, _busy_seconds(), _own_seconds()
    if busy is not None and busy_now is not None and elapsed > 0:
        found.cpus = max(0.0, (busy_now - busy - (own_now - own)) / elapsed)


def _busy_seconds() -> float | None:
    try:
        ticks = [int(text) for text in _STAT.read_text().splitlines()[0].split()[1:]]
    except (OSError, ValueError, IndexError):
        return None
    busy = [count for column, count in enumerate(ticks[:_COUNTED_COLUMNS]) if column not in _IDLE_COLUMNS]
    return sum(busy) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system
