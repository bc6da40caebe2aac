"""What ends a command from outside: Ctrl-C, also while IREE is busy, and a reader of its output that goes away."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_unfinished: set[threading.Event] = set()


class Interrupted(BaseException):
    """Ctrl-C. Not a KeyboardInterrupt, which the parsing library would answer itself."""


class OutputClosed(BaseException):
    """Whoever read standard output went away, as ``head`` does. Not an OSError, for the same reason."""


@contextmanager
def on_interrupt() -> Iterator[None]:
    """Turn SIGINT into Interrupted; elsewhere than in the main thread, where signals cannot be set, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    previous = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def run_interruptibly(work: Callable[[], T]) -> T:
    """Do work in another thread, so that Ctrl-C reaches this one at once.

    The work must leave files alone: it is abandoned in the middle, and the process with it.

    Args:
        work: What to do; what it raises is raised here.

    Raises:
        Interrupted: On Ctrl-C.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    # Not Thread.join: interrupted, it takes the thread for finished (CPython 3.11).
    done = threading.Event()

    def do() -> None:
        try:
            results.append(work())
        except BaseException as error:  # handed to the thread that waits
            errors.append(error)
        done.set()

    _unfinished.add(done)
    threading.Thread(target=do, name="lstm-ir work", daemon=True).start()
    done.wait()
    _unfinished.remove(done)
    if errors:
        raise errors[0]
    return results[0]


def is_work_running() -> bool:
    """Return whether interrupted work still goes on."""
    return any(not done.is_set() for done in _unfinished)
