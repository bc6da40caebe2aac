"""Calls that the caller does not wait for: a thread of the module's own runs them, in the order in which they come."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["PendingCalls"]


class PendingCalls:
    """The calls of a module that somebody asks for later. Safe from several threads.

    One thread, begun by the first call: calls that share a state must follow each other, and a device runs one at a
    time anyway. It ends with the module.
    """

    __slots__ = ("_executor", "_lock", "_pid")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._pid = 0

    def begin(self, call: Callable[[], Any]) -> Future[Any]:
        """Runs a call behind those that were begun before; what it raises, ``result`` raises."""
        with self._lock:
            # A forked child has none of its parent's threads.
            if self._executor is None or self._pid != os.getpid():
                from concurrent.futures import ThreadPoolExecutor  # takes longer to import than all of our runtime

                self._executor = ThreadPoolExecutor(1, "lstm-ir-call")
                self._pid = os.getpid()
            return self._executor.submit(call)
