"""How the calling thread waits for worker threads: it does not take the core of the one that wakes it.

IREE 3.13 wakes the caller of a call from inside a worker's callback, and the caller then spins until that callback has
returned (`iree_async_semaphore_multi_wait`). Where the kernel lets the woken thread preempt the worker at once, as
Linux does with ordinary threads, it spins for a whole slice of time, some milliseconds, in the way of the very thread
that it waits for. A thread of the policy SCHED_BATCH preempts nobody when it is woken; it runs when the worker sleeps.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any

__all__ = ["giving_way"]

_CAN_CHOOSE = hasattr(os, "SCHED_BATCH") and hasattr(os, "sched_setscheduler")  # Linux
_PRIORITY: Any = os.sched_param(0) if _CAN_CHOOSE else None  # the only one that these policies have


class giving_way:  # noqa: N801  # used as a function; contextlib's generators take as long as a system call
    """Makes the calling thread, if it is an ordinary one, preempt nobody when it is woken inside the ``with``.

    Where that is not possible or not allowed, nothing is changed.
    """

    __slots__ = ("_changed",)

    def __enter__(self) -> None:
        self._changed = False
        if not _CAN_CHOOSE:
            return
        try:
            if os.sched_getscheduler(0) == os.SCHED_OTHER:
                os.sched_setscheduler(0, os.SCHED_BATCH, _PRIORITY)
                self._changed = True
        except OSError:  # a sandbox may forbid both
            return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._changed:
            try:
                os.sched_setscheduler(0, os.SCHED_OTHER, _PRIORITY)
            except OSError:
                return
