"""Times the forms of an LSTM's time loop on this machine: microseconds a step, and what fits them.

    python examples/measure_forms.py [--quick] [--tensor]

A step's time is the difference between a long and a short sequence, divided by the steps between them, so what a call
costs whatever its length does not count. Every figure is the best of many runs. The last lines fit

    step = fixed cost + floating-point operations / speed

which is the cost model's shape (lstm_ir/passes/cost_model.py); docs/forms.md records what this printed.
"""

import argparse
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import lstm_ir
from lstm_ir.compiler import compile_artifact
from lstm_ir.runtime import host_features

SHORT, LONG = 8, 24
FEATURES = 8
FORMS = ("loop", "unrolled")
DRIVERS = ("local-sync", "local-task")
VECTORS = ("avx512f", "avx2", "neon")


@dataclass(frozen=True)
class Cell:
    """One measured step.

    Attributes:
        form: ``loop`` or ``unrolled``.
        driver: IREE's driver.
        batch: B.
        units: U.
        step_us: Microseconds a step.
    """

    form: str
    driver: str
    batch: int
    units: int
    step_us: float

    @property
    def flop(self) -> float:
        """Operations of the step's product, 2 B U 4U."""
        return 8.0 * self.batch * self.units**2


def best_seconds(module: lstm_ir.Module, batch: int, steps: int, budget: float) -> float:
    """Return the shortest of the calls that fit into a time budget in seconds, at least 5."""
    x = np.random.default_rng(0).standard_normal((batch, steps, FEATURES)).astype(np.float32)
    state = module.make_state(batch)
    module(x, state=state)
    best, begun, runs = float("inf"), time.perf_counter(), 0
    while runs < 5 or time.perf_counter() - begun < budget:
        start = time.perf_counter()
        module(x, state=state)
        best = min(best, time.perf_counter() - start)
        runs += 1
    return best


def artifacts(units: int, *, kernels: bool) -> tuple[dict[tuple[str, int], bytes], dict[str, float], float]:
    """Compile one layer in both forms.

    Args:
        units: U.
        kernels: Whether a step is a kernel, not code that IREE generates.

    Returns:
        The artifacts by form and steps; IREE's seconds by form and steps; milliseconds that each unrolled step adds to
        the whole compilation.
    """
    layer = lstm_ir.LSTM(units, name="lstm")
    layer.build((None, None, FEATURES))
    loop = compile_artifact(layer, form="loop", kernels=kernels)
    short, long = (compile_artifact(layer, form="unrolled", time=steps, kernels=kernels) for steps in (SHORT, LONG))
    totals = {name: sum(a.seconds.values()) for name, a in (("loop", loop), ("short", short), ("long", long))}
    data = {("loop", SHORT): loop.data, ("loop", LONG): loop.data}
    data |= {("unrolled", SHORT): short.data, ("unrolled", LONG): long.data}
    return data, totals, (totals["long"] - totals["short"]) / (LONG - SHORT) * 1e3


def fit(cells: list[Cell]) -> tuple[float, float]:
    """Return the fixed microseconds and the GFLOP/s that fit steps with the least relative error."""
    weight = np.array([1 / cell.step_us for cell in cells])
    matrix = np.array([[1.0, cell.flop / 1e3] for cell in cells]) * weight[:, None]
    (fixed, per_gflops), *_ = np.linalg.lstsq(matrix, np.ones(len(cells)), rcond=None)
    return float(fixed), 1 / float(per_gflops)


def processor() -> str:
    """Return the CPU's name, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two widths and two batches only")
    parser.add_argument("--tensor", action="store_true", help="code that IREE generates, instead of kernels")
    options = parser.parse_args()
    quick = options.quick
    widths, batches = ((64, 256), (1, 16)) if quick else ((32, 64, 128, 256, 512), (1, 4, 16, 64))

    console = Console(width=100, highlight=False)
    vectors = next((name for name in VECTORS if name in host_features()), "no vectors known here")
    load = os.getloadavg()[0]
    console.print(f"{processor()}, {os.cpu_count()} CPUs, {vectors}, load {load:.2f} when started")

    cells: list[Cell] = []
    table = Table("U", "B", *(f"{form} {driver}" for form in FORMS for driver in DRIVERS), box=None)
    compiling = Table("U", "loop s", f"unrolled {SHORT} s", f"unrolled {LONG} s", "ms a step more", box=None)
    for units in widths:
        data, totals, step_ms = artifacts(units, kernels=not options.tensor)
        compiling.add_row(str(units), *(f"{seconds:.2f}" for seconds in totals.values()), f"{step_ms:.0f}")
        modules = {
            (form, steps, driver): lstm_ir.load(data[form, steps], device=driver)
            for form, steps in data
            for driver in DRIVERS
        }
        for batch in batches:
            row = []
            for form in FORMS:
                for driver in DRIVERS:
                    seconds = [best_seconds(modules[form, steps, driver], batch, steps, 0.2) for steps in (SHORT, LONG)]
                    cell = Cell(form, driver, batch, units, (seconds[1] - seconds[0]) / (LONG - SHORT) * 1e6)
                    cells.append(cell)
                    row.append(f"{cell.step_us:.1f}")
            table.add_row(str(units), str(batch), *row)
    console.print("\nmicroseconds a step, batch and (for loop) steps dynamic")
    console.print(table)
    console.print("\nseconds to compile, all stages")
    console.print(compiling)
    console.print("\nstep = fixed + FLOP / speed, least relative error")
    fits = Table("form", "driver", "fixed us", "GFLOP/s", box=None)
    for form in FORMS:
        for driver in DRIVERS:
            fixed, speed = fit([cell for cell in cells if (cell.form, cell.driver) == (form, driver)])
            fits.add_row(form, driver, f"{fixed:.1f}", f"{speed:.1f}")
    console.print(fits)


if __name__ == "__main__":
    main()
