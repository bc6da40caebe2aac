"""What each form of a scan is expected to cost on a CPU, from facts that are known when compiling.

The constants were measured with ``iree-base`` 3.13 on a 2-core x86-64 machine (docs/forms.md says how); they decide
between forms, they do not predict a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

LOOP_STEP_US = 8.0
"""Host work a step of form ``loop``: two dispatches and a copy, each recorded and waited for."""
UNROLLED_STEP_US = 5.0
"""The same dispatches inside one command buffer."""
GIGAFLOPS = 30.0
"""What IREE's own code generation reaches on a step's product."""
UNROLLED_MAX_STEPS = 64
"""Beyond this many steps the unrolled form is taken only when asked for: each adds compile time and code."""
LOCAL_TASK_STEP_FLOP = 5e5
"""Work of one step of one row from which sharing it between cores pays for the hand-over (about 10 us)."""


@dataclass(frozen=True)
class ScanFacts:
    """What is known of a scan: B, T (None where only known at run time), U units, G gates, the caller's wish."""

    batch: int | None
    time: int | None
    units: int
    gates: int
    unroll: bool

    @property
    def step_flop(self) -> float:
        """Floating-point operations of one step's product, 2 B U (G U), with B = 1 where it is dynamic."""
        return 2.0 * (self.batch or 1) * self.units * self.gates * self.units


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
    product_us = facts.step_flop / (GIGAFLOPS * 1e3)
    result = [
        Estimate("loop", LOOP_STEP_US + product_us, "host loop over step dispatches"),
        _unrolled(facts, product_us),
        Estimate("persistent", None, "this version has no kernel that holds the time loop"),
        Estimate("cooperative", None, "this version has no kernel that shares a step between workgroups"),
    ]
    return sorted(result, key=lambda e: float("inf") if e.step_us is None else e.step_us)


def _unrolled(facts: ScanFacts, product_us: float) -> Estimate:
    if facts.time is None:
        return Estimate("unrolled", None, "the number of steps is dynamic; fix it with time=")
    if facts.time > UNROLLED_MAX_STEPS and not facts.unroll:
        return Estimate("unrolled", None, f"{facts.time} steps are more than {UNROLLED_MAX_STEPS}")
    return Estimate("unrolled", UNROLLED_STEP_US + product_us, "all steps in one command buffer")


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
        if chosen is None or not (chosen.is_possible or (form == "unrolled" and facts.time is not None)):
            why = f"not a form ({', '.join(by_form)})" if chosen is None else chosen.note
            possible = [estimate.form for estimate in table if estimate.is_possible]
            raise ValueError(f"form {form!r}: {why}; possible here: auto, {', '.join(possible)}")
        return form, f"asked for; {chosen.note}"
    if facts.unroll and by_form["unrolled"].is_possible:
        return "unrolled", "the layer says unroll=True"
    best = table[0]
    others = [f"{e.form} about {e.step_us:.1f}" if e.step_us is not None else f"{e.form}: {e.note}" for e in table[1:]]
    return best.form, f"about {best.step_us:.1f} us/step ({best.note}); {'; '.join(others)}"


def advised_driver(units: Iterable[int]) -> str:
    """Return IREE's driver for a model with scans of these widths: waking other cores must be worth a step's work."""
    flop = sum(8.0 * width * width for width in units)
    return "local-task" if flop >= LOCAL_TASK_STEP_FLOP else "local-sync"
