"""Measures what the cost model assumes of a machine."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lstm_ir.compiler import compile_artifact
from lstm_ir.layers import LSTM
from lstm_ir.passes.cost_model import Costs
from lstm_ir.runtime import load
from lstm_ir.tools.bench.machine import cpu_name
from lstm_ir.tools.bench.timing import Contestant, time_in_turns

_FLOOR = 1e-4
"""What a cost is at least, where noise makes a difference of two times negative."""


@dataclass(frozen=True)
class _Probe:
    """One layer in one form, whose time tells one constant once the others are known."""

    form: str
    batch: int
    steps: int
    features: int
    units: int
    threads: int = 1
    kernels: bool = True

    @property
    def flop(self) -> float:
        """Floating-point operations of a step's products."""
        return 8.0 * self.batch * (self.features + self.units) * self.units

    @property
    def recurrent_bytes(self) -> float:
        """Bytes of recurrent weights."""
        return 16.0 * self.units * self.units


def _probes(workers: int) -> dict[str, _Probe]:
    return {
        "loop": _Probe("loop", 1, 200, 8, 8),
        "unrolled": _Probe("unrolled", 1, 48, 8, 8),
        "tensor loop": _Probe("loop", 1, 200, 8, 8, kernels=False),
        "tensor unrolled": _Probe("unrolled", 1, 48, 8, 8, kernels=False),
        "product": _Probe("loop", 16, 40, 8, 256, kernels=False),
        # Weights in the first-level cache: what is left beside the products is the cell.
        "cell": _Probe("persistent", 1, 1000, 32, 32),
        "compute": _Probe("persistent", 24, 30, 256, 256),
        "stream": _Probe("persistent", 1, 60, 8, 512),
        "alone": _Probe("persistent", 1, 200, 256, 256),
        "together": _Probe("cooperative", 1, 200, 256, 256, workers),
    }


def measure_costs(workers: int, on_progress: Callable[[str], None], seconds: float = 0.4) -> Costs:
    """Return what this machine reaches.

    Args:
        workers: Cores to count on.
        on_progress: Called with what is about to happen.
        seconds: How long each layer is timed, at least.
    """
    probes = _probes(workers)
    contestants = {}
    for name, probe in probes.items():
        on_progress(f"calibrating: compiling {name}")
        contestants[name] = _contestant(name, probe)
    on_progress("calibrating: timing")
    time_in_turns(list(contestants.values()), seconds)
    step = {name: contestants[name].timing.median_us / probe.steps for name, probe in probes.items()}
    return costs_of(step, probes, workers)


def costs_of(step: dict[str, float], probes: dict[str, Any], workers: int) -> Costs:
    """Return the constants that explain some probes' times a step, in microseconds."""
    compute, small = probes["compute"], probes["cell"]
    # The two unknowns of two times, one nearly all product, the other nearly all cell: by substitution, twice.
    flop_us = step["compute"] / compute.flop
    cell = 0.0
    for _ in range(4):
        cell = max(_FLOOR, (step["cell"] - small.flop * flop_us) / small.units)
        flop_us = max(_FLOOR * 1e-6, (step["compute"] - compute.batch * compute.units * cell) / compute.flop)
    stream_us = max(_FLOOR, step["stream"] - probes["stream"].units * cell)
    meeting = step["together"] - step["alone"] / workers
    product_us = max(_FLOOR, step["product"] - step["tensor loop"])

    def host_us(name: str) -> float:
        kernel_us = probes[name].flop * flop_us + probes[name].units * cell
        return max(_FLOOR, step[name] - float(kernel_us))

    return Costs(
        loop_step_us=host_us("loop"),
        unrolled_step_us=host_us("unrolled"),
        tensor_loop_step_us=step["tensor loop"],
        tensor_unrolled_step_us=step["tensor unrolled"],
        tensor_gigaflops=probes["product"].flop / product_us / 1e3,
        kernel_gigaflops=1e-3 / flop_us,
        stream_gigabytes=probes["stream"].recurrent_bytes / stream_us / 1e3,
        cell_unit_us=cell,
        meeting_us=max(_FLOOR, meeting),
    )


def _contestant(name: str, probe: _Probe) -> Contestant:
    layer = LSTM(probe.units, return_sequences=True, recurrent_activation="sigmoid", unroll=False)
    layer.build((None, None, probe.features))
    fixed = probe.steps if probe.form == "unrolled" else None
    artifact = compile_artifact(layer, form=probe.form, time=fixed, kernels=probe.kernels)
    module = load(artifact.data, threads=probe.threads)
    x = np.random.default_rng(0).normal(size=(probe.batch, probe.steps, probe.features)).astype(np.float32)
    return Contestant(name, lambda: module(x))


def costs_file(costs: Costs, workers: int) -> bytes:
    """Return the text of a file that ``lstm-ir compile --costs`` reads."""
    rounded = {name: float(f"{value:.4g}") for name, value in asdict(costs).items()}
    return (json.dumps({"cpu": cpu_name(), "cores": workers, "costs": rounded}, indent=2) + "\n").encode()
