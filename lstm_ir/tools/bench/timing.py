"""Contestants timed in one run, in turns of a few calls each, so that a slow moment of the machine hits all alike."""

import gc
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

BATCH_SECONDS = 0.02
"""How long one turn lasts, at least one call."""
MAX_CALLS = 400
"""Calls of one turn, at most."""
MIN_TURNS = 5
_PAUSE_SECONDS = 0.06
"""Before a turn: worker threads of the contestant before it stop spinning; ONNX Runtime's do so for 45 ms."""
_UNTIMED_SECONDS = 0.01
"""Calls of a turn that come first and do not count: caches and threads are the contestant's own again."""


@dataclass
class Contestant:
    """Something that is called over and over.

    Attributes:
        name: Whose it is.
        call: What is timed.
        before_turn: Called before the untimed calls of a turn and before the timed ones; None for nothing.
        calls: The calls of a turn, where they are not to be chosen; all their results are kept then.
        results: Results of the last turn: the last one, or all where ``calls`` is set.
        nanoseconds: Time of every call that counts.
    """

    name: str
    call: Callable[[], Any]
    before_turn: Callable[[], None] | None = None
    calls: int | None = None
    results: list[Any] = field(default_factory=list)
    nanoseconds: list[int] = field(default_factory=list)

    @property
    def timing(self) -> "Timing":
        """The figures."""
        return Timing.of(self.nanoseconds)


@dataclass(frozen=True)
class Timing:
    """Figures of many calls, microseconds.

    Attributes:
        calls: How many.
        median_us: The median.
        p99_us: The 99th percentile.
        best_us: The shortest.
    """

    calls: int
    median_us: float
    p99_us: float
    best_us: float

    @classmethod
    def of(cls, nanoseconds: Sequence[int]) -> "Timing":
        """Return the figures of these calls."""
        times = np.array(nanoseconds, np.float64) / 1e3
        median, p99 = np.percentile(times, (50, 99))
        return cls(len(times), float(median), float(p99), float(times.min()))


def time_in_turns(contestants: Sequence[Contestant], seconds: float) -> None:
    """Time contestants in rounds; in each, every contestant has one turn, in an order that changes.

    Args:
        contestants: Who; their ``nanoseconds`` and ``results`` are filled in.
        seconds: How long each is timed, at least; never less than five turns.
    """
    sizes = {id(contestant): contestant.calls or _calls_of_a_turn(contestant) for contestant in contestants}
    spent = dict.fromkeys(sizes, 0.0)
    order, chance = list(contestants), random.Random(0)
    turns = 0
    while turns < MIN_TURNS or min(spent.values()) < seconds:
        chance.shuffle(order)
        for contestant in order:
            if turns < MIN_TURNS or spent[id(contestant)] < seconds:
                spent[id(contestant)] += _turn(contestant, sizes[id(contestant)])
        turns += 1


def _calls_of_a_turn(contestant: Contestant) -> int:
    """Return how many calls fill a turn; the calls made to find out warm the contestant up."""
    contestant.call()
    durations = []
    for _ in range(3):
        start = time.perf_counter()
        contestant.call()
        durations.append(time.perf_counter() - start)
    return max(1, min(MAX_CALLS, int(BATCH_SECONDS / min(durations))))


def _turn(contestant: Contestant, calls: int) -> float:
    """Run one turn; returns the seconds of its timed calls."""
    time.sleep(_PAUSE_SECONDS)
    call, keeps_all = contestant.call, contestant.calls is not None
    clock = time.perf_counter_ns
    results: list[Any] = []
    times: list[int] = []
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        if contestant.before_turn is not None:
            contestant.before_turn()
        begun = time.perf_counter()
        for _ in range(calls if keeps_all else MAX_CALLS):
            call()
            if time.perf_counter() - begun > _UNTIMED_SECONDS:
                break
        if contestant.before_turn is not None:
            contestant.before_turn()
        for _ in range(calls):
            start = clock()
            result = call()
            times.append(clock() - start)
            if keeps_all:
                results.append(result)
    finally:
        if was_collecting:
            gc.enable()
    contestant.results = results if keeps_all else [result]
    contestant.nanoseconds += times
    return sum(times) / 1e9
