"""How many workers IREE's local-task driver starts when nobody says: one for each physical core it may run on."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

__all__ = ["default_workers"]

_CPUS = Path("/sys/devices/system/cpu")
_MOST = 64
"""IREE's own limit, unless its flag ``task_topology_max_group_count`` says otherwise."""


def default_workers() -> int:
    """The number of local-task's workers without ``threads``; at least 1."""
    flags = _flags(os.environ.get("IREE_PY_RUNTIME_FLAGS", ""))
    chosen = _number(flags.get("task_topology_group_count"))
    if chosen:
        return chosen
    most = _number(flags.get("task_topology_max_group_count")) or _MOST
    return max(1, min(_physical_cores(), most))


def _physical_cores() -> int:
    """Cores of the CPUs that this process may use; those whose siblings share a core count once."""
    try:
        available = os.sched_getaffinity(0)
    except (AttributeError, OSError):  # not on Linux
        return os.cpu_count() or 1
    cores = set()
    for cpu in available:
        try:
            # The id alone, as IREE counts, although two sockets may both have a core of that id.
            cores.add((_CPUS / f"cpu{cpu}/topology/core_id").read_text().strip())
        except OSError:
            continue
    return len(cores) or len(available)


def _flags(text: str) -> dict[str, str]:
    pairs = (flag.lstrip("-").partition("=") for flag in shlex.split(text))
    return {name: value for name, _, value in pairs}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
