"""How the calling thread waits for worker threads: it does not take the core of the one that wakes it.

IREE 3.13 wakes the caller of a call from inside a worker's callback, and the caller then spins until that callback has
returned (`iree_async_semaphore_multi_wait`). Where the kernel lets the woken thread preempt the worker at once, as
Linux does with ordinary threads, it spins for a whole slice of time, some milliseconds, in the way of the very thread
that it waits for. A thread of the policy SCHED_BATCH preempts nobody when it is woken; it runs when the worker sleeps.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["giving_way"]

_CAN_CHOOSE = hasattr(os, "SCHED_BATCH") and hasattr(os, "sched_setscheduler")  # Linux


@contextmanager
def giving_way() -> Iterator[None]:
    """Makes the calling thread, if it is an ordinary one, preempt nobody when it is woken inside the ``with``.

    Where that is not possible or not allowed, nothing is changed.
    """
    changed = _CAN_CHOOSE and _change(os.SCHED_OTHER, os.SCHED_BATCH)
    try:
        yield
    finally:
        if changed:
            _change(os.SCHED_BATCH, os.SCHED_OTHER)


def _change(before: int, after: int) -> bool:
    """Changes the calling thread's scheduling policy; returns False where it has another one, or may not."""
    try:
        if os.sched_getscheduler(0) != before:
            return False
        os.sched_setscheduler(0, after, os.sched_param(0))
    except OSError:  # a sandbox may forbid both
        return False
    return True
