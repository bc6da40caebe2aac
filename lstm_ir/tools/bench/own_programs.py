"""lstm-ir's own contestant: a compiled module, NumPy in and out, as an application calls it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_ir.compiler import FORMS
from lstm_ir.errors import UnsupportedError
from lstm_ir.tools.bench.case import SEED, Case
from lstm_ir.tools.bench.network import Array
from lstm_ir.tools.bench.peer import Program, Stepper

if TYPE_CHECKING:
    from lstm_ir.runtime import Module

NAME = "lstm-ir"


@dataclass(frozen=True)
class Compilation:
    """How modules are compiled and loaded here.

    Attributes:
        form: As ``lstm_ir.compile`` takes it.
        has_fixed_sizes: Compiled for the case's batch and steps, not for any.
        threads: As ``lstm_ir.load`` takes it.
    """

    form: str = "auto"
    has_fixed_sizes: bool = False
    threads: int | None = None

    def __str__(self) -> str:
        return f"{self.form}, fixed sizes" if self.has_fixed_sizes else self.form


def compile_case(case: Case, compilation: Compilation) -> "Module":
    """Compile and load a case's model.

    Raises:
        UnsupportedError: The form cannot be had.
    """
    import lstm_ir
    from lstm_ir.compiler import compile_artifact

    assert case.model is not None
    sizes = (case.batch, case.steps) if compilation.has_fixed_sizes else (None, None)
    artifact = compile_artifact(
        case.model, batch=sizes[0], time=sizes[1], form=compilation.form, training=case.is_training
    )
    return lstm_ir.load(artifact.data, threads=compilation.threads)


@dataclass(frozen=True)
class Forms:
    """A case compiled in every form.

    Attributes:
        modules: By form, for any sizes or for the case's own as ``Compilation`` says.
        fixed_modules: By form, of those that can be had for the case's own sizes only.
        refused: Why the others cannot be had, by form.
    """

    modules: "dict[str, Module]"
    fixed_modules: "dict[str, Module]"
    refused: dict[str, str]


def compile_forms(case: Case, compilation: Compilation) -> Forms:
    """Compile a case in every form that can be had."""
    forms = Forms({}, {}, {})
    for form in FORMS:
        if form == "auto":
            continue
        try:
            forms.modules[form] = compile_case(case, replace(compilation, form=form))
        except UnsupportedError as error:
            fixed = replace(compilation, form=form, has_fixed_sizes=True)
            try:
                forms.fixed_modules[str(fixed)] = compile_case(case, fixed)
            except UnsupportedError:
                forms.refused[form] = str(error)
    return forms


def own_program(module: "Module", case: Case) -> Program:
    """Return a module's program for a case."""
    x = case.call_input
    options: dict[str, Any] = {}
    if case.mask is not None:
        options["mask"] = case.mask
    if case.is_training:
        options["seed"] = SEED
    if options:
        return Program(lambda: module(x, **options), _outputs)
    return Program(lambda: module(x), _outputs)


def own_stepper(module: "Module", x: Array) -> Stepper:
    """Return a time-major module's stepper: one step of ``x`` [T, B, I] a call, the state in the module's buffers."""
    steps = [np.ascontiguousarray(x[t : t + 1]) for t in range(len(x))]
    state = module.make_state(x.shape[1])
    position = 0

    def reset() -> None:
        nonlocal position
        position = 0
        state.reset()

    def step() -> Any:
        nonlocal position
        y = module(steps[position], state=state)
        position += 1
        return y

    return Stepper(reset, step, lambda y: np.asarray(y[0]))


def _outputs(results: Any) -> list[Array]:
    return results if isinstance(results, list) else [results]
