"""One run of the benchmark: the machine, then everything that the plan names."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import lstm_ir
from lstm_ir.compiler import compile_artifact
from lstm_ir.tools.bench.contest import Rules, run_case, run_steps, run_variants
from lstm_ir.tools.bench.machine import measure_machine
from lstm_ir.tools.bench.model_case import model_case
from lstm_ir.tools.bench.own_programs import Compilation
from lstm_ir.tools.bench.peers import peers_named
from lstm_ir.tools.bench.plan import Plan
from lstm_ir.tools.bench.results import CaseResult, Report
from lstm_ir.tools.bench.suite import SMALL_BATCH, STEP_SHAPES, Shape, shapes_named, suite_case

_NAMED_SHAPES = ("quick", "all")


def rules_of(plan: Plan, on_progress: Callable[[str], None]) -> tuple[Rules, tuple[Shape, ...]]:
    """Return how a plan's cases are run, and the suite's shapes; nothing runs yet.

    Raises:
        ArgumentError: A peer or a shape that there is not.
    """
    compilation = Compilation(plan.form, plan.has_fixed_sizes, plan.threads)
    rules = Rules(peers_named(plan.peers), compilation, plan.all_forms, plan.seconds, on_progress)
    return rules, shapes_named(plan.shapes) if plan.is_suite else ()


def run_plan(plan: Plan, rules: Rules, shapes: tuple[Shape, ...]) -> Report:
    """Run everything.

    Raises:
        LstmIrError: A model or an artifact cannot be read, compiled or loaded.
    """
    machine = measure_machine(plan.threads, rules.on_progress) if plan.has_peaks else None
    versions = {peer.name: {"version": peer.version(), "missing": peer.missing()} for peer in rules.peers}
    report = Report(machine, versions, plan.describe())
    single = [shape for shape in shapes if shape.layers == 1 and not shape.is_bidirectional]
    if plan.has_variants:
        report.variants += [run_variants(shape, rules) for shape in single]
    if plan.has_steps:
        steps = STEP_SHAPES if plan.shapes in _NAMED_SHAPES else single
        report.steps += [run_steps(shape, rules) for shape in steps]
    if not plan.is_suite:
        report.cases.append(_run_source(plan, rules))
    elif not (plan.has_variants or plan.has_steps):
        report.cases += [run_case(suite_case(shape), rules) for shape in shapes]
    return report


def report_json(report: Report, plan: Plan) -> dict[str, Any]:
    """Return everything that was found, as JSON."""
    return {
        "is_right": report.is_right,
        "machine": None if report.machine is None else asdict(report.machine),
        "peers": report.peers,
        "settings": report.settings,
        "cases": [case.describe(report.machine) for case in report.cases],
        "geometric_mean": report.geometric_mean(),
        "geometric_mean_small_batch": report.geometric_mean(SMALL_BATCH),
        "variants": [result.describe() for result in report.variants],
        "steps": [result.describe() for result in report.steps],
        "picture": None if plan.picture is None else str(plan.picture),
    }


def _run_source(plan: Plan, rules: Rules) -> CaseResult:
    assert plan.source is not None
    rules.on_progress(f"{plan.source}: getting ready")
    data: Any = plan.source
    model = plan.model if plan.is_artifact else plan.source
    described = None if model is None else lstm_ir.read_model(model)
    if not plan.is_artifact:
        batch, time = (plan.batch, plan.time) if plan.has_fixed_sizes else (None, None)
        data = compile_artifact(described, batch=batch, time=time, form=plan.form).data
    module = lstm_ir.load(data, threads=plan.threads)
    case = model_case(plan.source.stem, module, described, plan.batch, plan.time, model)
    return run_case(case, rules, module)
