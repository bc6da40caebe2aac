"""Runs cases: everybody made ready, checked, timed in turns, and checked again on what was timed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_ir.errors import LstmIrError
from lstm_ir.tools.bench.case import Case
from lstm_ir.tools.bench.checking import Check, check_own, check_peer, check_repeated
from lstm_ir.tools.bench.disturbance import watch_others
from lstm_ir.tools.bench.network import Array, InexpressibleError
from lstm_ir.tools.bench.own_programs import (
    NAME,
    Compilation,
    Forms,
    compile_case,
    compile_forms,
    own_program,
    own_stepper,
)
from lstm_ir.tools.bench.peer import Peer, Program, Stepper
from lstm_ir.tools.bench.results import CaseResult, Entry, StepResult, VariantResult
from lstm_ir.tools.bench.suite import VARIANTS, Shape, suite_case
from lstm_ir.tools.bench.timing import Contestant, time_in_turns

if TYPE_CHECKING:
    from lstm_ir.runtime import Module


@dataclass(frozen=True)
class Rules:
    """How cases are run.

    Attributes:
        peers: Who runs beside us.
        compilation: How we compile.
        all_forms: Time every form that can be had as well.
        seconds: How long each contestant is timed in each case, at least.
        on_progress: Called with what happens next.
    """

    peers: Sequence[Peer]
    compilation: Compilation
    all_forms: bool = False
    seconds: float = 0.5
    on_progress: Callable[[str], None] = lambda _: None


def run_case(case: Case, rules: Rules, module: "Module | None" = None) -> CaseResult:
    """Time a case.

    Args:
        case: The case.
        rules: How.
        module: The module to time; None compiles the case's model.

    Raises:
        LstmIrError: The model cannot be compiled.
    """
    rules.on_progress(f"{case.name}: compiling")
    if module is None:
        module = compile_case(case, rules.compilation)
    forms = compile_forms(case, rules.compilation) if rules.all_forms else Forms({}, {}, {})
    own = {NAME: module, **forms.modules, **forms.fixed_modules}
    programs = {name: own_program(form, case) for name, form in own.items()}
    first = programs[NAME].fetch(programs[NAME].call())
    entries: dict[str, Entry] = {}
    for peer in rules.peers:
        rules.on_progress(f"{case.name}: preparing {peer.name}")
        prepared = _prepare_peer(peer, lambda peer: _peer_program(peer, case, first, rules.compilation.threads))
        if isinstance(prepared, Entry):
            entries[peer.name] = prepared
        else:
            programs[peer.name] = prepared
    rules.on_progress(f"{case.name}: timing {len(programs)} contestants")
    contestants = {name: Contestant(name, program.call) for name, program in programs.items()}
    with watch_others() as others:
        time_in_turns(list(contestants.values()), rules.seconds)
    rules.on_progress(f"{case.name}: checking")
    outputs = {name: programs[name].fetch(contestant.results[-1]) for name, contestant in contestants.items()}
    dtype = module.outputs[0].dtype
    for name, contestant in contestants.items():
        if name not in own:
            check = check_peer(outputs[name], outputs[NAME])
        elif case.expected is None:
            check = check_repeated(outputs[name], first)
        else:
            check = check_own(outputs[name], case.expected, dtype)
        entries[name] = _entry(name, contestant, check)
    return CaseResult(
        case,
        entries[NAME],
        module.forms,
        module.device_for(case.batch, case.steps).driver,
        tuple(entries[peer.name] for peer in rules.peers),
        tuple(entries[name] for name in forms.modules),
        tuple(entries[name] for name in forms.fixed_modules),
        forms.refused,
        others.cpus,
    )


def run_variants(shape: Shape, rules: Rules) -> VariantResult:
    """Time the variants of a shape, ours alone, in one run with the plain layer."""
    cases = {name: suite_case(shape, name) for name in VARIANTS}
    rules.on_progress(f"{shape}: compiling {len(cases)} variants")
    programs = {name: own_program(compile_case(case, rules.compilation), case) for name, case in cases.items()}
    contestants = {name: Contestant(name, program.call) for name, program in programs.items()}
    rules.on_progress(f"{shape}: timing {len(cases)} variants")
    with watch_others() as others:
        time_in_turns(list(contestants.values()), rules.seconds)
    entries = {}
    for name, contestant in contestants.items():
        expected = cases[name].expected
        assert expected is not None
        check = check_own(programs[name].fetch(contestant.results[-1]), expected, "float32")
        entries[name] = _entry(name, contestant, check)
    return VariantResult(str(shape), entries, others.cpus)


def run_steps(shape: Shape, rules: Rules) -> StepResult:
    """Time one step per call, the state carried by the caller; every step of the last round is checked."""
    case = suite_case(shape)
    rules.on_progress(f"{shape}: one step per call")
    steppers = {NAME: own_stepper(compile_case(case, rules.compilation), case.x)}
    ours = _all_steps(steppers[NAME], shape.steps)
    entries: dict[str, Entry] = {}
    for peer in rules.peers:
        prepared = _prepare_peer(peer, lambda peer: _peer_stepper(peer, case, ours, rules.compilation.threads))
        if isinstance(prepared, Entry):
            entries[peer.name] = prepared
        else:
            steppers[peer.name] = prepared
    contestants = {
        name: Contestant(name, stepper.step, stepper.reset, shape.steps) for name, stepper in steppers.items()
    }
    with watch_others() as others:
        time_in_turns(list(contestants.values()), rules.seconds)
    assert case.expected is not None
    for name, contestant in contestants.items():
        outputs = [np.stack([steppers[name].fetch(result) for result in contestant.results])]
        check = check_own(outputs, case.expected, "float32") if name == NAME else check_peer(outputs, ours)
        entries[name] = _entry(name, contestant, check)
    peers = tuple(entries[peer.name] for peer in rules.peers)
    return StepResult(str(shape), shape.steps, entries[NAME], peers, others.cpus)


class _WrongError(Exception):
    """A peer's numbers are wrong before anything is timed."""

    def __init__(self, check: Check) -> None:
        super().__init__()
        self.check = check


def _prepare_peer(peer: Peer, prepare: Callable[[Peer], Any]) -> Any:
    """Return what ``prepare`` makes, or the entry that says why the peer does not run."""
    why = peer.missing()
    if why is not None:
        return Entry(peer.name, reason=why)
    try:
        return prepare(peer)
    except InexpressibleError as error:
        return Entry(peer.name, reason=str(error))
    except _WrongError as wrong:
        return Entry(peer.name, check=wrong.check, reason=_wrong_text(wrong.check))
    except LstmIrError:
        raise
    except Exception as error:  # whatever another project's runtime raises is a result, shown beside its name
        lines = str(error).strip().splitlines() or [""]
        return Entry(peer.name, reason=f"it failed: {type(error).__name__}: {lines[0][:200]}")


def _peer_program(peer: Peer, case: Case, ours: Sequence[Array], threads: int | None) -> Program:
    if case.whole_file is not None and case.model is not None:
        program = peer.prepare_file(case.whole_file, case.model.source, case.arrays, threads)
    else:
        program = peer.prepare(case.network, case.x, case.mask, threads)
    check = check_peer(program.fetch(program.call()), ours)
    if not check.is_right:
        raise _WrongError(check)
    return program


def _peer_stepper(peer: Peer, case: Case, ours: Sequence[Array], threads: int | None) -> Stepper:
    stepper = peer.prepare_step(case.network, case.x, threads)
    check = check_peer(_all_steps(stepper, case.steps), ours)
    if not check.is_right:
        raise _WrongError(check)
    return stepper


def _all_steps(stepper: Stepper, steps: int) -> list[Array]:
    stepper.reset()
    return [np.stack([stepper.fetch(stepper.step()) for _ in range(steps)])]


def _entry(name: str, contestant: Contestant, check: Check) -> Entry:
    if check.is_right:
        return Entry(name, contestant.timing, check)
    return Entry(name, None, check, _wrong_text(check))


def _wrong_text(check: Check) -> str:
    return f"wrong: {check.largest_difference:.1e} from {check.against}, tolerance {check.tolerance}"
