"""The machine that a benchmark ran on: what it is, and what it reaches at best, measured."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from iree import runtime as iree_runtime

from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu
from lstm_ir.runtime import host_arch, host_features
from lstm_ir.runtime.device import open_device, vm_instance
from lstm_ir.tools.bench.probe_kernels import FMA_FLOP, READ_VECTORS, fma_module, read_module

_SHOWN_FEATURES = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512vl", "avx512bf16", "amx-tile", "neon", "sve")
# float32 lanes of a vector and registers, by the feature that brings them, widest first.
_VECTORS = {"avx512f": (16, 32), "avx2": (8, 16), "avx": (8, 16), "neon": (4, 32)}
_PLAIN_VECTORS = (4, 16)
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_MEMORY_BYTES = 256 << 20
"""Working set of the memory's measurement where it is at least four times the last cache; else that."""
_PATIENCE_SECONDS = 0.25
"""How long a measurement goes on without getting better: the system may take a while to spread threads over cores."""
_BETTER = 0.99
"""A time counts as better where it is less than this part of the best so far."""
_ROUND_FMAS = 2_000_000
"""Multiply-adds of each chain in one call: about a millisecond."""
_ROUND_BYTES = 32 << 20
"""What each worker reads in one call, at least."""


@dataclass(frozen=True)
class Cache:
    """One level of the cache.

    Attributes:
        name: ``L1``, ``L2`` ...
        size: Bytes of one such cache.
        cores: CPUs that share one.
    """

    name: str
    size: int
    cores: int


@dataclass(frozen=True)
class Bandwidth:
    """How fast data are read from one level.

    Attributes:
        name: ``L1``, ``L2`` ..., ``memory``.
        capacity: Bytes that the level holds, over all measured cores; None for memory.
        one_core: Bytes a second of one core.
        all_cores: Bytes a second of all cores together, each reading its own data.
    """

    name: str
    capacity: int | None
    one_core: float
    all_cores: float


@dataclass(frozen=True)
class Machine:
    """A machine and its measured limits.

    Attributes:
        cpu: The processor's name.
        architecture: LLVM's name of it.
        features: The vector extensions that it has, by LLVM's names.
        lanes: float32 numbers in its widest vector.
        cores: CPUs that this process may use.
        workers: Of those, how many the all-core measurements and the benchmark used.
        load: The system's load average over a minute when the benchmark began.
        fma_one_core: Floating-point operations a second, one core.
        fma_all_cores: The same, all cores.
        bandwidths: Reads, from the innermost cache to memory.
    """

    cpu: str
    architecture: str
    features: tuple[str, ...]
    lanes: int
    cores: int
    workers: int
    load: float
    fma_one_core: float
    fma_all_cores: float
    bandwidths: tuple[Bandwidth, ...]

    def holding(self, size: int) -> Bandwidth:
        """Return the innermost level that holds this many bytes, spread over the cores."""
        fitting = (level for level in self.bandwidths if level.capacity is None or level.capacity >= size)
        return next(fitting, self.bandwidths[-1])


def measure_machine(threads: int | None = None, on_progress: Callable[[str], None] = lambda _: None) -> Machine:
    """Find out what the machine is and measure its limits; takes some seconds.

    Args:
        threads: CPUs to use in the all-core measurements; None takes all that the process may use.
        on_progress: Called with what is measured next.

    Raises:
        CompileError: IREE refuses a measuring kernel.
    """
    load = os.getloadavg()[0]
    features = host_features()
    lanes, registers = next((size for name, size in _VECTORS.items() if name in features), _PLAIN_VECTORS)
    cores = usable_cores()
    workers = min(threads or cores, cores)
    on_progress("measuring the machine: multiply-adds")
    chains = registers - 4
    fma = _Probe(fma_module(lanes, chains))
    flop = float(FMA_FLOP * lanes * chains * _ROUND_FMAS)
    ones = np.full(4 * lanes, 0.5, np.float32)  # x * 0.5 + 0.5 stays 1
    fma_one, fma_all = (count * flop / fma.seconds(ones, count, 0, _ROUND_FMAS) for count in (1, workers))
    read = _Probe(read_module(lanes))
    bandwidths = []
    for name, capacity, size in _levels(workers):
        on_progress(f"measuring the machine: reads from {name}")
        one, together = (_read_speed(read, count, size // count, lanes) for count in (1, workers))
        bandwidths.append(Bandwidth(name, capacity, one, together))
    shown = tuple(name for name in _SHOWN_FEATURES if name in features)
    return Machine(cpu_name(), host_arch(), shown, lanes, cores, workers, load, fma_one, fma_all, tuple(bandwidths))


def cpu_name() -> str:
    """Return the processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def caches() -> tuple[Cache, ...]:
    """Return the data caches of the first CPU, innermost first; none where the system does not list them."""
    found = []
    for folder in sorted(_CACHES.glob("index*")):
        try:
            level, kind, size, shared = (
                (folder / name).read_text().strip() for name in ("level", "type", "size", "shared_cpu_list")
            )
        except OSError:
            continue
        if kind != "Instruction":
            found.append(Cache(f"L{level}", _bytes(size), _count(shared)))
    return tuple(found)


def _levels(workers: int) -> list[tuple[str, int | None, int]]:
    """Return name, capacity over all workers, and the working set to measure it with (half of one cache)."""
    levels: list[tuple[str, int | None, int]] = []
    for cache in caches():
        copies = max(1, workers // cache.cores)
        levels.append((cache.name, cache.size * copies, cache.size // 2))
    largest = max((capacity or 0 for _, capacity, _ in levels), default=0)
    return [*levels, ("memory", None, max(_MEMORY_BYTES, min(4 * largest, 4 * _MEMORY_BYTES)))]


def _read_speed(probe: "_Probe", workers: int, size: int, lanes: int) -> float:
    """Return the bytes a second of workers that each read ``size`` bytes of their own over and over."""
    block = READ_VECTORS * lanes
    numbers = max(1, size // (4 * block)) * block
    rounds = max(1, _ROUND_BYTES // (4 * numbers))
    # Written to: pages that never were are all one page, which every cache holds.
    data = np.full(numbers * workers, 0.5, np.float32)
    return 4.0 * numbers * rounds * workers / probe.seconds(data, workers, numbers, rounds)


class _Probe:
    """A measuring kernel, compiled."""

    def __init__(self, source: bytes) -> None:
        self.vmfb = compile_bytecode(source, flags_for_cpu("host"))

    def seconds(self, data: np.ndarray[Any, Any], workers: int, size: int, rounds: int) -> float:
        """Return the shortest time of a call with so many workers, each on a core of its own."""
        device = open_device("llvm-cpu", None, None, workers)
        code = iree_runtime.VmModule.copy_buffer(vm_instance(), self.vmfb)
        context = iree_runtime.VmContext(vm_instance(), [device.hal_module, code])
        function = code.lookup_function("call")
        array = iree_runtime.asdevicearray(device.hal, data)
        best, improved, calls = float("inf"), time.perf_counter(), 0
        while calls < 3 or time.perf_counter() - improved < _PATIENCE_SECONDS:
            results = iree_runtime.VmVariantList(1)
            arguments = iree_runtime.VmVariantList(4)
            arguments.push_ref(array._buffer_view.ref)
            for number in (workers, size, rounds):
                arguments.push_int(number)
            start = time.perf_counter()
            context.invoke(function, arguments, results)
            now = time.perf_counter()
            if now - start < _BETTER * best:
                improved = now
            best = min(best, now - start)
            calls += 1
        return best


def usable_cores() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _bytes(text: str) -> int:
    unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1], 1)
    return int(text.rstrip("KMG")) * unit


def _count(cpus: str) -> int:
    """Return how many CPUs a list such as ``0-3,8`` names."""
    ranges: Sequence[Sequence[str]] = [part.split("-") for part in cpus.split(",")]
    return sum(int(bounds[-1]) - int(bounds[0]) + 1 for bounds in ranges)
