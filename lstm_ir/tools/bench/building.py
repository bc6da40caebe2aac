"""What a layer costs before its first call: compiling, the size of the artifact, loading; and what the import costs."""

import os
import subprocess
import sys
import time as clock
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.table import Table

from lstm_ir.compiler import Artifact, compile_artifact
from lstm_ir.layers import LSTM
from lstm_ir.runtime import load
from lstm_ir.tools.bench.case import SEED
from lstm_ir.tools.console import bytes_text, listing

TURNS = 5
"""How often everything is done; the first compile of a process, which imports the compiler, is shown apart."""
LENGTHS = (None, 1, 64, 1024, 4096)
"""Numbers of steps to compile for; None leaves it open."""
OPEN_STEPS = 16
"""Steps of the first call where any number will do."""
SIZES = ((32, 64), (256, 256), (512, 512))
"""Features and units."""


@dataclass(frozen=True)
class Build:
    """Medians of building one layer several times.

    Attributes:
        features: I.
        units: U.
        steps: T, None where it is open.
        form: Which was chosen.
        compile_seconds: From description to artifact, in a process that has compiled before.
        iree_seconds: IREE's part of it.
        extra_bytes: The artifact's size beyond its weights.
        first_result_ms: From the artifact's bytes to the result of a first call: one row, T steps or 16.
    """

    features: int
    units: int
    steps: int | None
    form: str
    compile_seconds: float
    iree_seconds: float
    extra_bytes: int
    first_result_ms: float


@dataclass(frozen=True)
class Building:
    """What was measured.

    Attributes:
        first_compile_seconds: The process's first compile, of the first build, with all that it imports.
        import_ms: Importing lstm_ir and its loader over importing NumPy, medians of fresh processes in turns.
        builds: A row each.
    """

    first_compile_seconds: float
    import_ms: float
    builds: Sequence[Build]

    def json(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return asdict(self)


def measure_building(on_progress: Callable[[str], None]) -> Building:
    """Compile, load and import, several times each."""
    cases = [(*SIZES[0], steps) for steps in LENGTHS] + [(*size, None) for size in SIZES[1:]]
    artifacts: dict[tuple[int, int, int | None], list[tuple[Artifact, float]]] = {case: [] for case in cases}
    first = None
    for turn in range(TURNS):
        for case in cases:
            on_progress(f"compiling I,U,T = {case}, turn {turn + 1} of {TURNS}")
            artifact, seconds = _compile(*case)
            if first is None:
                first = seconds
            else:
                artifacts[case].append((artifact, seconds))
    assert first is not None
    on_progress("importing")
    builds = [_build(*case, artifacts[case]) for case in cases]
    return Building(first, _import_ms(), builds)


def building_table(building: Building) -> Table:
    """Return the figures as a table for people."""
    columns = ("I,U", "T", "form", "compile", "of it IREE", "beyond the weights", "load to first result")
    table = listing(*columns, right=columns[3:])
    for build in building.builds:
        table.add_row(
            f"{build.features},{build.units}",
            "open" if build.steps is None else str(build.steps),
            build.form,
            f"{build.compile_seconds:.2f} s",
            f"{build.iree_seconds:.2f} s",
            bytes_text(build.extra_bytes),
            f"{build.first_result_ms:.1f} ms",
        )
    return table


def _layer(features: int, units: int) -> LSTM:
    rng = np.random.default_rng(SEED)
    layer = LSTM(units, return_sequences=True, name="lstm")
    layer.build((None, None, features))
    layer.set_weights([rng.normal(size=w.shape, scale=0.1).astype(np.float32) for w in layer.get_weights()])
    return layer


def _compile(features: int, units: int, steps: int | None) -> tuple[Artifact, float]:
    layer = _layer(features, units)
    begun = clock.perf_counter()
    artifact = compile_artifact(layer, time=steps)
    return artifact, clock.perf_counter() - begun


def _build(features: int, units: int, steps: int | None, made: Sequence[tuple[Artifact, float]]) -> Build:
    artifact = made[-1][0]
    x = np.zeros((1, OPEN_STEPS if steps is None else steps, features), np.float32)
    loads = []
    for _ in range(TURNS):
        begun = clock.perf_counter()
        load(artifact.data)(x)
        loads.append(clock.perf_counter() - begun)
    return Build(
        features,
        units,
        steps,
        artifact.description["scans"][0]["form"],
        median(seconds for _, seconds in made),
        median(one.seconds["iree"] for one, _ in made),
        len(artifact.data) - artifact.description["weights_bytes"],
        1e3 * median(loads),
    )


def _import_ms() -> float:
    """Measure imports of modules that are there as bytecode, which is how they are installed."""
    with TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder

        def start(imports: str) -> float:
            begun = clock.perf_counter()
            subprocess.run([sys.executable, "-c", imports], check=True, env=environment)
            return 1e3 * (clock.perf_counter() - begun)

        both = ("import numpy", "import numpy, lstm_ir; lstm_ir.load")
        for imports in both:  # the bytecode is written
            start(imports)
        numpy, ours = zip(*([start(imports) for imports in both] for _ in range(2 * TURNS + 1)), strict=True)
    return float(median(ours) - median(numpy))
