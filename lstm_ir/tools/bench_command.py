"""``lstm-ir bench``: compiled models beside the runtimes that are installed, every number checked."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from lstm_ir.errors import ArgumentError
from lstm_ir.tools.bench.plan import ALL_SHAPES, Plan
from lstm_ir.tools.compile_command import Form
from lstm_ir.tools.failures import EXIT_DONE, EXIT_FAILURE, CommandError, CommandLineError
from lstm_ir.tools.interruption import run_interruptibly
from lstm_ir.tools.options import AsJson, Threads


def bench(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL|ARTIFACT]", help="A model (.keras, .h5, .onnx, .pt, .safetensors) or an artifact (.vmfb)."
        ),
    ] = None,
    is_suite: Annotated[bool, typer.Option("--suite", help="Run the benchmark's own shapes instead.")] = False,
    model: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Of an ARTIFACT: the model, for the reference's and the peers' weights."),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Sequences.", show_default="the model's, or 1")] = None,
    time: Annotated[int | None, typer.Option(min=1, help="Time steps.", show_default="the model's, or 100")] = None,
    shapes: Annotated[
        str,
        typer.Option(metavar="SHAPES", help="Of the suite: quick, all, or B,T,I,U ..., as '1,32,64,64 8,60,30,75'."),
    ] = ALL_SHAPES,
    has_variants: Annotated[
        bool, typer.Option("--variants", help="Instead: masked, reversed, batch-major ... over the plain layer.")
    ] = False,
    has_steps: Annotated[
        bool, typer.Option("--step", help="Instead: one step per call, the state carried from Python.")
    ] = False,
    peers: Annotated[
        str, typer.Option(metavar="NAMES", help="all, none, or some of torch,ort,openvino,tf,tf-xla,jax.")
    ] = "all",
    form: Annotated[Form, typer.Option(metavar="FORM", help="Compile with this form of the time loop.")] = Form.AUTO,
    forms: Annotated[
        str | None, typer.Option(metavar="all", help="all: time every form that can be had beside the one chosen.")
    ] = None,
    is_fixed: Annotated[
        bool, typer.Option("--fixed", help="Compile for each case's batch and time, not for any.")
    ] = False,
    threads: Threads = None,
    seconds: Annotated[
        float, typer.Option(min=0.0, help="How long each contestant is timed in each case, at least.")
    ] = 0.5,
    has_peaks: Annotated[
        bool, typer.Option("--peaks/--no-peaks", help="Measure the machine's multiply-add and read peaks first.")
    ] = True,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the ratios as .svg or .png (needs Matplotlib).")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibrate", metavar="FILE", help="Instead: measure the cost model's constants, for compile --costs."
        ),
    ] = None,
    has_building: Annotated[
        bool, typer.Option("--build", help="Instead: what compiling, loading and importing cost, by length and size.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Time a model, an artifact, or the benchmark's own suite, side by side with the installed peers.

    All have the same weights and input, and take turns in one run. A ratio is the best peer's median over ours. Our
    numbers are compared with the float64 reference, the peers' with ours; a peer that disagrees is not timed.

    Exit code 1 when our numbers are wrong.
    """
    if forms not in (None, "all"):
        raise CommandLineError(f"--forms: got {forms!r}, expected all; --form names one form")
    if calibration is not None:
        if source is not None or is_suite:
            raise CommandLineError("--calibrate: goes with no model, artifact or --suite")
        return _calibrate(calibration, as_json=as_json)
    if has_building:
        if source is not None or is_suite:
            raise CommandLineError("--build: goes with no model, artifact or --suite")
        return _build(as_json=as_json)
    plan = Plan(
        source=source,
        is_suite=is_suite,
        model=model,
        batch=batch,
        time=time,
        shapes=shapes,
        has_variants=has_variants,
        has_steps=has_steps,
        peers=peers,
        form=form.value,
        all_forms=forms is not None,
        has_fixed_sizes=is_fixed,
        threads=threads,
        seconds=seconds,
        has_peaks=has_peaks,
        picture=picture,
    )
    plan.check()
    from lstm_ir.output_file import check_output, write_atomically
    from lstm_ir.tools.bench.session import report_json, rules_of, run_plan
    from lstm_ir.tools.bench.tables import report_tables
    from lstm_ir.tools.console import print_json, print_result, progress

    path = None if picture is None else check_output(picture)
    if path is not None and find_spec("matplotlib") is None:
        raise CommandError("--picture: needs the package 'matplotlib'; install the extra: lstm-ir[bench]")
    with progress("getting ready") as show:
        try:
            rules, chosen = rules_of(plan, show)
        except ArgumentError as error:
            raise CommandLineError(str(error)) from error
        report = run_interruptibly(lambda: run_plan(plan, rules, chosen))
    if path is not None:
        from lstm_ir.tools.bench.picture import ratio_picture

        write_atomically(path, ratio_picture(report, path.suffix))
    if as_json:
        print_json(report_json(report, plan))
    else:
        print_result(*report_tables(report))
    return EXIT_DONE if report.is_right else EXIT_FAILURE


def _calibrate(path: Path, *, as_json: bool) -> int:
    """Measure the cost model's constants and write them."""
    from dataclasses import asdict

    from lstm_ir.output_file import check_output, write_atomically
    from lstm_ir.passes.cost_model import Costs
    from lstm_ir.tools.bench.calibration import costs_file, measure_costs
    from lstm_ir.tools.bench.machine import usable_cores
    from lstm_ir.tools.console import fields, print_json, print_result, progress

    target = check_output(path)
    workers = usable_cores()
    with progress("calibrating") as show:
        costs = run_interruptibly(lambda: measure_costs(workers, show))
    write_atomically(target, costs_file(costs, workers))
    usual = asdict(Costs())
    if as_json:
        print_json({"file": str(path), "costs": asdict(costs)})
    else:
        print_result(fields({name: f"{value:.4g} (usual {usual[name]:g})" for name, value in asdict(costs).items()}))
    return EXIT_DONE


def _build(*, as_json: bool) -> int:
    """Measure what comes before a first call."""
    from lstm_ir.tools.bench.building import building_table, measure_building
    from lstm_ir.tools.console import fields, print_json, print_result, progress

    with progress("compiling") as show:
        building = run_interruptibly(lambda: measure_building(show))
    if as_json:
        print_json(building.json())
    else:
        rows = {
            "first compile": f"{building.first_compile_seconds:.2f} s, with what it imports",
            "import": f"{building.import_ms:.0f} ms over NumPy's",
        }
        print_result(building_table(building), "", fields(rows))
    return EXIT_DONE
