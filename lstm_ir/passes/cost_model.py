"""What each form of a scan is expected to cost on a CPU, from facts that are known when compiling.

The constants were measured with ``iree-base`` 3.13 on 2-core x86-64 machines (docs/forms.md says how; ``lstm-ir bench
--forms all`` shows the choice beside the times of all forms). They decide between forms, they do not predict a time.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

FULL_SPEED_ROWS = 8
"""Rows from which on IREE's own code reaches that; below, in proportion: it reads the weights for each."""
FIRST_CACHE_BYTES = 1 << 15
"""Recurrent weights up to this size stay in the first-level cache."""
UNROLLED_MAX_STEPS = 64
"""Beyond this many steps the unrolled form is taken only when asked for: each adds compile time and code."""


COOPERATIVE_GAIN = 1.3
"""So many times as fast as persistent must cooperative be expected to be. Its workgroups wait for each other at every
step: one that loses its core for a moment delays all, which no estimate of a step knows. On two cores 192 to 256 units,
expected to gain 1.3 to 1.5, gained 1.1 to 1.6 in medians of 100 and 400 steps, and lost 0.05 at most in calls of 30,
which run on one core. 160 units, expected to gain 1.2, gained nothing."""


@dataclass(frozen=True)
class Costs:
    """What a machine reaches; measured, as the defaults were, by ``lstm-ir bench --calibrate``.

    Attributes:
        loop_step_us: Host work a step of form ``loop`` with a kernel: a dispatch, recorded and waited for.
        unrolled_step_us: The same dispatch inside one command buffer.
        tensor_loop_step_us: Host work a step of form ``loop`` in code that IREE generates: dispatches and copies.
        tensor_unrolled_step_us: The same inside one command buffer.
        tensor_gigaflops: What code that IREE generates reaches on a step's product of many rows.
        kernel_gigaflops: What a core reaches in our kernels.
        stream_gigabytes: What a core reads of weights a second, from the second- or third-level cache.
        cell_unit_us: The cell of one unit of one row: three sigmoids and two hyperbolic tangents.
        meeting_us: What workgroups lose a step by meeting, and a call's share of waking other cores.
    """

    loop_step_us: float = 1.7
    unrolled_step_us: float = 0.8
    tensor_loop_step_us: float = 8.0
    tensor_unrolled_step_us: float = 5.0
    tensor_gigaflops: float = 30.0
    kernel_gigaflops: float = 88.0
    stream_gigabytes: float = 65.0
    cell_unit_us: float = 0.003
    meeting_us: float = 3.0

    @classmethod
    def read(cls, path: Path) -> "Costs":
        """Read what ``lstm-ir bench --calibrate`` wrote.

        Raises:
            ValueError: If the file cannot be read or holds something else.
        """
        names = [field.name for field in fields(cls)]
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"{str(path)!r} cannot be read: {error}") from error
        costs = found.get("costs") if isinstance(found, dict) else None
        if not isinstance(costs, dict) or sorted(costs) != sorted(names):
            raise ValueError(
                f"{str(path)!r} is not what lstm-ir bench --calibrate writes: costs with {', '.join(names)}"
            )
        if not all(isinstance(value, int | float) and value > 0 for value in costs.values()):
            raise ValueError(f"{str(path)!r}: a cost is not a positive number")
        return cls(**costs)


DEFAULT_COSTS = {
    "avx512": Costs(kernel_gigaflops=100.0, stream_gigabytes=90.0, cell_unit_us=0.0015),
    "avx2": Costs(),
    "sse": Costs(tensor_gigaflops=12.0, kernel_gigaflops=20.0, cell_unit_us=0.003),
    "neon": Costs(kernel_gigaflops=30.0, cell_unit_us=0.003),
}
"""By vector unit. avx2 was measured with the kernels; avx512's from their prototypes; sse's and neon's are guesses."""


@dataclass(frozen=True)
class ScanFacts:
    """What is known of a scan.

    Attributes:
        batch: B, or None where it is known only at run time.
        time: T, or None.
        features: I.
        units: U.
        gates: G.
        unroll: Whether the layer asks for it.
        vector: The vector unit that kernels are built for, or None.
        workers: Cores to count on.
        no_kernel: Why the scan cannot run as a kernel, or None.
        costs: What the machine reaches; None for what is usual with the vector unit.
        element_bytes: Size of the numbers that are computed with; the machine's figures are of f32.
        weight_bytes: Size of a weight where a kernel reads it.
    """

    batch: int | None
    time: int | None
    features: int
    units: int
    gates: int
    unroll: bool
    vector: str | None = None
    workers: int = 1
    no_kernel: str | None = None
    costs: Costs | None = None
    element_bytes: int = 4
    weight_bytes: int = 4

    @property
    def machine(self) -> Costs:
        """What the machine reaches."""
        return self.costs or DEFAULT_COSTS.get(self.vector or "", Costs())

    @property
    def breadth(self) -> float:
        """How many f32 numbers one number takes the place of, in registers and caches."""
        return self.element_bytes / 4

    @property
    def rows(self) -> int:
        """B, or 1 where it is dynamic."""
        return self.batch or 1

    @property
    def step_flop(self) -> float:
        """Floating-point operations of one row's products in a step, 2 (U + I) (G U)."""
        return 2.0 * (self.units + self.features) * self.gates * self.units

    @property
    def projection_flop(self) -> float:
        """Of those, the input's part."""
        return 2.0 * self.features * self.gates * self.units

    @property
    def recurrent_bytes(self) -> float:
        """Bytes of recurrent weights, read once a step."""
        return float(self.weight_bytes) * self.units * self.gates * self.units


@dataclass(frozen=True)
class Estimate:
    """One form's expected cost a step in microseconds, or why it cannot be had."""

    form: str
    step_us: float | None
    note: str

    @property
    def is_possible(self) -> bool:
        """Whether the form can be had."""
        return self.step_us is not None


def estimates(facts: ScanFacts) -> list[Estimate]:
    """Return an estimate of every form, the best possible one first."""
    result = [_loop(facts), _unrolled(facts), _persistent(facts), _cooperative(facts)]
    return sorted(result, key=lambda e: float("inf") if e.step_us is None else e.step_us)


def _by_steps_us(facts: ScanFacts) -> float:
    """Return a step's time in a form that runs a step at a time, without the host's work."""
    if why_no_kernel(facts) is not None:
        reached = facts.machine.tensor_gigaflops / facts.breadth * min(1.0, facts.rows / FULL_SPEED_ROWS)
        return facts.rows * facts.step_flop / (reached * 1e3)
    alone = _kernel_us(facts, facts.rows)
    return min(alone, facts.machine.meeting_us + alone / facts.workers)


def _by_steps_note(facts: ScanFacts, what: str) -> str:
    reason = why_no_kernel(facts)
    return what if reason is None else f"{what}, as code that IREE generates: {reason}"


def _loop(facts: ScanFacts) -> Estimate:
    costs = facts.machine
    host_us = costs.loop_step_us if why_no_kernel(facts) is None else costs.tensor_loop_step_us
    return Estimate("loop", host_us + _by_steps_us(facts), _by_steps_note(facts, "host loop over step dispatches"))


def _unrolled(facts: ScanFacts) -> Estimate:
    if facts.time is None:
        return Estimate("unrolled", None, "the number of steps is dynamic; fix it with time=")
    if facts.time > UNROLLED_MAX_STEPS and not facts.unroll:
        return Estimate("unrolled", None, f"{facts.time} steps are more than {UNROLLED_MAX_STEPS}")
    costs = facts.machine
    host_us = costs.unrolled_step_us if why_no_kernel(facts) is None else costs.tensor_unrolled_step_us
    note = _by_steps_note(facts, "step dispatches in one command buffer")
    return Estimate("unrolled", host_us + _by_steps_us(facts), note)


def _kernel_us(facts: ScanFacts, rows: float) -> float:
    """Return one core's time for the products and cells of a step of some rows, all units."""
    costs = facts.machine
    flop_us = 1e-3 / costs.kernel_gigaflops * facts.breadth
    # The projection of many steps at once reads its weights once; a step reads the recurrent ones.
    projection = rows * facts.projection_flop * flop_us
    is_near = facts.recurrent_bytes <= FIRST_CACHE_BYTES
    stream = 0.0 if is_near else facts.recurrent_bytes / (costs.stream_gigabytes * 1e3)
    recurrence = max(rows * (facts.step_flop - facts.projection_flop) * flop_us, stream)
    return projection + recurrence + rows * facts.units * costs.cell_unit_us * facts.breadth


def why_no_kernel(facts: ScanFacts) -> str | None:
    """Return why no kernel can run a scan's steps, or None if one can."""
    return facts.no_kernel or (None if facts.vector is not None else "there are no kernels for this target")


def _persistent(facts: ScanFacts) -> Estimate:
    reason = why_no_kernel(facts)
    if reason is not None:
        return Estimate("persistent", None, reason)
    rows = -(-facts.rows // facts.workers)
    return Estimate("persistent", _kernel_us(facts, rows), "one dispatch, rows split over cores")


def _cooperative(facts: ScanFacts) -> Estimate:
    reason = why_no_kernel(facts)
    if reason is not None:
        return Estimate("cooperative", None, reason)
    if facts.workers == 1:
        return Estimate("cooperative", None, "there is one core")
    step_us = facts.machine.meeting_us + _kernel_us(facts, facts.rows) / facts.workers
    return Estimate("cooperative", step_us, "one dispatch, units of a step split over cores")


def choose(facts: ScanFacts, form: str) -> tuple[str, str]:
    """Choose a form and say why.

    Args:
        facts: What is known of the scan.
        form: ``auto``, or the form that the user asks for.

    Raises:
        ValueError: If the form that was asked for cannot be had; the text says why and what can.
    """
    table = estimates(facts)
    by_form = {estimate.form: estimate for estimate in table}
    if form != "auto":
        chosen = by_form.get(form)
        if chosen is None or not (chosen.is_possible or _can_be_forced(facts, form)):
            why = f"not a form ({', '.join(by_form)})" if chosen is None else chosen.note
            possible = [estimate.form for estimate in table if estimate.is_possible]
            raise ValueError(f"form {form!r}: {why}; possible here: auto, {', '.join(possible)}")
        return form, f"asked for; {chosen.note}"
    if facts.unroll and by_form["unrolled"].is_possible:
        return "unrolled", "the layer says unroll=True"
    best = _most_robust(table)
    table.remove(best)
    others = [f"{e.form} about {e.step_us:.1f}" if e.step_us is not None else f"{e.form}: {e.note}" for e in table]
    if table and table[0].step_us is not None and best.step_us is not None and table[0].step_us < best.step_us:
        others[0] += f", not {COOPERATIVE_GAIN:g} times as fast"
    return best.form, f"about {best.step_us:.1f} us/step ({best.note}); {'; '.join(others)}"


def _most_robust(table: Sequence[Estimate]) -> Estimate:
    """Return the best estimate, or persistent's where cooperative does not gain enough by the risk it takes."""
    best = table[0]
    if best.form != "cooperative" or best.step_us is None:
        return best
    alone = next(estimate for estimate in table if estimate.form == "persistent")
    return alone if alone.step_us is not None and alone.step_us < COOPERATIVE_GAIN * best.step_us else best


def _can_be_forced(facts: ScanFacts, form: str) -> bool:
    """Return whether a form works that the model would not choose."""
    if form == "unrolled":
        return facts.time is not None
    return form == "cooperative" and why_no_kernel(facts) is None


LOCAL_TASK_STEP_FLOP = 5e5
"""Work of one step of one row from which sharing it between cores pays for the hand-over (about 10 us)."""


def advised_driver(scans: Sequence[tuple[str, int]]) -> str:
    """Return IREE's driver for a model with scans of these forms and widths.

    Waking other cores must be worth a step's work; a cooperative scan was chosen because it is.
    """
    flop = sum(8.0 * units * units for _, units in scans)
    shares = any(form == "cooperative" for form, _ in scans)
    return "local-task" if shares or flop >= LOCAL_TASK_STEP_FLOP else "local-sync"
