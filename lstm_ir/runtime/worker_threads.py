"""The worker threads of a device, and which cores they may run on: not the one whose thread wakes them.

A thread that is woken may be put on the core of the thread that wakes it, and take its place there, while another core
idles: on two cores Linux did so in 6 to 15 % of the calls whose worker slept. A caller that goes on computing then
stands still until the worker is done. IREE binds its workers to cores once, or not at all.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, TypeVar

__all__ = ["WorkerThreads"]

_Made = TypeVar("_Made")
_TASKS = Path("/proc/self/task")  # Linux
_NAME = "iree-worker"
_STARTED_IN = 0.1
"""Seconds in which a thread has given itself its name, or it is somebody else's."""


def _current_core() -> Callable[[], int] | None:
    """The C library's function for the core that the calling thread is on, if there is one."""
    try:
        return ctypes.CDLL(None).sched_getcpu
    except (AttributeError, OSError, TypeError):  # TypeError: on Windows
        return None


class WorkerThreads:
    """Some worker threads of IREE's. Where the system cannot say or do it, nothing is done."""

    __slots__ = ("_core", "_current_core", "_threads")

    def __init__(self, threads: dict[int, set[int]]) -> None:
        """Takes threads with the cores that each may run on."""
        self._threads = threads
        self._current_core = _current_core() if threads else None
        self._core = -1

    @classmethod
    def started_by(cls, make: Callable[[], _Made], count: int) -> tuple[_Made, WorkerThreads]:
        """Calls a function that starts so many workers; returns its result and the workers."""
        before = _ids()
        made = make()
        end = perf_counter() + _STARTED_IN
        while len(found := _workers(_ids() - before)) < count and _TASKS.is_dir() and perf_counter() < end:
            sleep(1e-4)
        return made, cls(found)

    def __len__(self) -> int:
        return len(self._threads)

    def make_room(self) -> None:
        """Keeps the workers off the core that the calling thread is on, but for those that may run on no other."""
        if self._current_core is None:
            return
        core = self._current_core()
        if core == self._core:
            return
        self._core = core
        for thread, cores in self._threads.items():
            try:
                os.sched_setaffinity(thread, cores - {core} or cores)
            except OSError:  # it has ended, or a sandbox forbids it
                self._current_core = None
                return


def _ids() -> set[int]:
    try:
        return {int(entry.name) for entry in _TASKS.iterdir()}
    except OSError:
        return set()


def _workers(ids: set[int]) -> dict[int, set[int]]:
    """Those of some threads that are IREE's workers, and the cores that each may run on."""
    found: dict[int, Any] = {}
    for thread in ids:
        try:
            if (_TASKS / str(thread) / "comm").read_text().startswith(_NAME):
                found[thread] = os.sched_getaffinity(thread)
        except OSError:  # it has ended
            continue
    return found
