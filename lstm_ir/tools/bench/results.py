"""What was found out about each case, and its JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any

from lstm_ir.tools.bench.case import Case
from lstm_ir.tools.bench.checking import Check
from lstm_ir.tools.bench.machine import Machine
from lstm_ir.tools.bench.timing import Timing


@dataclass(frozen=True)
class Entry:
    """One contestant's result in one case.

    Attributes:
        name: The contestant.
        timing: Its figures; None where it did not run, or its numbers are wrong.
        check: Of the numbers of the last call that was timed; None where it did not run.
        reason: Why it has no figures.
    """

    name: str
    timing: Timing | None = None
    check: Check | None = None
    reason: str | None = None

    @property
    def status(self) -> str:
        """``timed``, ``wrong`` or ``left out``."""
        if self.check is not None and not self.check.is_right:
            return "wrong"
        return "left out" if self.timing is None else "timed"

    def describe(self, steps: int | None = None) -> dict[str, Any]:
        """Return the entry as JSON; with ``steps`` also the time of one step."""
        found: dict[str, Any] = {"name": self.name, "status": self.status, "reason": self.reason}
        if self.timing is not None:
            found |= vars(self.timing)
            if steps is not None:
                found["step_us"] = self.timing.median_us / steps
        if self.check is not None:
            found["check"] = {
                "against": self.check.against,
                "largest_difference": self.check.largest_difference,
                "is_right": self.check.is_right,
                "tolerance": str(self.check.tolerance),
            }
        return found


@dataclass(frozen=True)
class CaseResult:
    """All contestants in one case.

    Attributes:
        case: The case.
        own: Our result.
        forms: The form of each of its time loops, by layer.
        driver: IREE's driver that it ran on.
        peers: Theirs, also of those that were left out.
        each_form: Ours in each form, compiled as ``own`` is, where all were asked for.
        fixed_forms: Ours in the forms that can be had for the case's own sizes only.
        refused_forms: Why the others cannot be had.
        others_cpus: CPUs that other programs kept busy while this was timed; None where that is not known.
    """

    case: Case
    own: Entry
    forms: dict[str, str]
    driver: str
    peers: tuple[Entry, ...]
    each_form: tuple[Entry, ...] = ()
    fixed_forms: tuple[Entry, ...] = ()
    refused_forms: dict[str, str] = field(default_factory=dict)
    others_cpus: float | None = None

    @property
    def best_peer(self) -> Entry | None:
        """The fastest peer whose numbers are right."""
        timed = [peer for peer in self.peers if peer.status == "timed"]
        return min(timed, key=_median, default=None)

    @property
    def best_form(self) -> Entry | None:
        """The fastest form, of those that could have been chosen, whose numbers are right."""
        timed = [form for form in self.each_form if form.status == "timed"]
        return min(timed, key=_median, default=None)

    @property
    def ratio(self) -> float | None:
        """The best peer's median over ours; None without a peer, or with wrong numbers."""
        best = self.best_peer
        return None if best is None or self.own.status != "timed" else _median(best) / _median(self.own)

    @property
    def choice_over_best(self) -> float | None:
        """Our median, in the form that was chosen, over that of the best form."""
        best = self.best_form
        return None if best is None or self.own.status != "timed" else _median(self.own) / _median(best)

    @property
    def form_text(self) -> str:
        """The forms for people: one name where all are the same."""
        return ", ".join(dict.fromkeys(self.forms.values()))

    def fma_fraction(self, machine: Machine | None) -> float | None:
        """Return the part of the machine's multiply-add peak that our products reach over the whole call."""
        flop = self.case.flop
        if machine is None or flop is None or self.own.timing is None:
            return None
        return flop / (_median(self.own) * 1e-6) / machine.fma_all_cores

    def streaming_ratio(self, machine: Machine | None) -> float | None:
        """Return our time over that of reading the recurrent weights once a step from the level that holds them."""
        if machine is None or self.case.flop is None or self.own.timing is None:
            return None
        size = self.case.network.recurrent_bytes if not self.case.is_training else 0
        seconds = self.case.steps * size / machine.holding(size).all_cores
        return _median(self.own) * 1e-6 / seconds if seconds else None

    def describe(self, machine: Machine | None) -> dict[str, Any]:
        """Return the result as JSON."""
        best_form = self.best_form
        return {
            "case": self.case.describe(),
            "own": self.own.describe(self.case.steps) | {"forms": self.forms, "driver": self.driver},
            "peers": [peer.describe(self.case.steps) for peer in self.peers],
            "best_peer": None if self.best_peer is None else self.best_peer.name,
            "ratio": self.ratio,
            "others_cpus": self.others_cpus,
            "flop": self.case.flop,
            "fma_fraction": self.fma_fraction(machine),
            "streaming_ratio": self.streaming_ratio(machine),
            "forms": [form.describe(self.case.steps) for form in (*self.each_form, *self.fixed_forms)],
            "refused_forms": self.refused_forms,
            "best_form": None if best_form is None else best_form.name,
            "choice_over_best_form": self.choice_over_best,
        }


@dataclass(frozen=True)
class VariantResult:
    """The variants of one shape, ours alone, timed with the plain one.

    Attributes:
        shape: The shape's name.
        entries: By variant, ``plain`` among them.
        others_cpus: As in `CaseResult`.
    """

    shape: str
    entries: dict[str, Entry]
    others_cpus: float | None = None

    def over_plain(self, variant: str) -> float | None:
        """Return a variant's median over the plain one's."""
        mine, plain = self.entries[variant], self.entries["plain"]
        return _median(mine) / _median(plain) if mine.status == plain.status == "timed" else None

    def describe(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "shape": self.shape,
            "others_cpus": self.others_cpus,
            "variants": [
                entry.describe() | {"over_plain": self.over_plain(name)} for name, entry in self.entries.items()
            ],
        }


@dataclass(frozen=True)
class StepResult:
    """One step per call, state carried from Python.

    Attributes:
        shape: The shape's name.
        steps: Calls that follow each other from a state of zeros.
        own: Our result.
        peers: Theirs.
        others_cpus: As in `CaseResult`.
    """

    shape: str
    steps: int
    own: Entry
    peers: tuple[Entry, ...]
    others_cpus: float | None = None

    def describe(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {
            "shape": self.shape,
            "steps": self.steps,
            "others_cpus": self.others_cpus,
            "own": self.own.describe(),
            "peers": [peer.describe() for peer in self.peers],
        }


@dataclass
class Report:
    """Everything that one run of the benchmark found.

    Attributes:
        machine: The machine, or None where it was not measured.
        peers: Versions of the peers, or the reason why one is not there.
        settings: What the run was asked for.
        cases: The cases.
        variants: The variants.
        steps: One step per call.
    """

    machine: Machine | None
    peers: dict[str, dict[str, Any]]
    settings: dict[str, Any]
    cases: list[CaseResult] = field(default_factory=list)
    variants: list[VariantResult] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)

    @property
    def own_entries(self) -> list[Entry]:
        """All of our own results."""
        found = [entry for case in self.cases for entry in (case.own, *case.each_form, *case.fixed_forms)]
        found += [entry for result in self.variants for entry in result.entries.values()]
        return found + [result.own for result in self.steps]

    @property
    def others_cpus(self) -> float | None:
        """CPUs that other programs kept busy in the worst of all results; None where that is not known."""
        found = [result.others_cpus for result in self.cases]
        found += [result.others_cpus for result in self.variants] + [result.others_cpus for result in self.steps]
        return max((cpus for cpus in found if cpus is not None), default=None)

    @property
    def is_right(self) -> bool:
        """Whether all of our own numbers are right."""
        return all(entry.check is None or entry.check.is_right for entry in self.own_entries)

    def geometric_mean(self, max_batch: int | None = None) -> float | None:
        """Return that of the ratios, of all cases or of those up to a batch."""
        ratios = [
            case.ratio
            for case in self.cases
            if case.ratio is not None and (max_batch is None or case.case.batch <= max_batch)
        ]
        return geometric_mean(ratios)


def geometric_mean(values: Sequence[float]) -> float | None:
    """Return the geometric mean, or None of nothing."""
    return exp(sum(map(log, values)) / len(values)) if values else None


def _median(entry: Entry) -> float:
    assert entry.timing is not None
    return entry.timing.median_us
