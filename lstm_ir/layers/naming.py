"""Automatic layer names: lstm, lstm_1, lstm_2, ... counted per process as Keras does."""

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator

_lock = threading.Lock()
_counters: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)


def auto_name(prefix: str) -> str:
    """Return the next unused name of this prefix."""
    with _lock:
        number = next(_counters[prefix])
    return f"{prefix}_{number}" if number else prefix


def reset_auto_names() -> None:
    """Start all counts again, as ``keras.backend.clear_session`` does."""
    with _lock:
        _counters.clear()
