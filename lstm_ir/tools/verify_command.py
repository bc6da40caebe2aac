"""``lstm-ir verify``: an artifact against the model that it was made from."""

import json
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_ir.errors import UnsupportedError
from lstm_ir.tools.failures import EXIT_DONE, EXIT_FAILURE, CommandLineError
from lstm_ir.tools.interruption import run_interruptibly
from lstm_ir.tools.options import ArtifactPath, AsJson, BatchFirst, Device, ModelPath, Prefix, Threads, WeightsFile

if TYPE_CHECKING:
    from lstm_ir.layers import Model
    from lstm_ir.runtime import Module
    from lstm_ir.tools.expectations import Expectations
    from lstm_ir.tools.verification import Difference, Tolerance
    from lstm_ir.tools.verification_cases import Case


class Against(StrEnum):
    """What an artifact is compared with."""

    AUTO = "auto"
    REFERENCE = "reference"
    KERAS = "keras"
    ONNXRUNTIME = "onnxruntime"
    TORCH = "torch"


def verify(
    model: ModelPath,
    artifact: ArtifactPath,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Sequences to draw.", show_default="the artifact's, the model's, or 3")
    ] = None,
    time: Annotated[
        int | None, typer.Option(min=1, help="Time steps to draw.", show_default="the artifact's, the model's, or 12")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Inputs, masks and states are drawn from this.")] = 0,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="Inputs to use instead of drawn ones: FILE.npy, NAME=FILE.npy for each of several, or FILE.npz with "
            "all of them by name.",
        ),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Masks to use instead of drawn ones, in the same way; needs --input."),
    ] = None,
    against: Annotated[
        Against,
        typer.Option(
            metavar="WHAT",
            help="What to compare with: keras, onnxruntime or torch, the model's own framework; reference, ours in "
            "float64; auto: the framework where it is installed, else the reference.",
        ),
    ] = Against.AUTO,
    rtol: Annotated[
        float | None, typer.Option(min=0.0, help="Relative tolerance.", show_default="3e-5 for float32")
    ] = None,
    atol: Annotated[
        float | None, typer.Option(min=0.0, help="Absolute tolerance.", show_default="3e-5 for float32")
    ] = None,
    prefix: Prefix = None,
    batch_first: BatchFirst = False,
    device: Device = None,
    threads: Threads = None,
    weights_file: WeightsFile = None,
    as_json: AsJson = False,
) -> int:
    """Compare an artifact with its model, run by the framework that it comes from, or computed in float64.

    Runs inputs with and without masks and states through both, and shows the largest difference of each tensor. The
    framework is loaded in a process of its own, and nothing of the model's file can run in it. What it cannot be asked
    is compared with the float64 reference, and said.

    Exit code 0 when all are within tolerance, else 1.
    """
    if mask and not inputs:
        raise CommandLineError("--mask: only together with --input, whose steps it is about")
    if inputs and (batch is not None or time is not None):
        raise CommandLineError("--batch and --time: only without --input, which has its own")
    import lstm_ir
    from lstm_ir.tools.console import progress
    from lstm_ir.tools.expectations import expect
    from lstm_ir.tools.frameworks.choice import REFERENCE, choose
    from lstm_ir.tools.model_source import read_source
    from lstm_ir.tools.verification import (
        Tolerance,
        check_same_model,
        compare,
        default_tolerance,
        framework_tolerance,
        rounded_weights,
    )
    from lstm_ir.tools.verification_cases import CaseMaker

    with progress("reading the model") as show:
        described = read_source(model, prefix, batch_first)
        module = lstm_ir.load(artifact, device=device, threads=threads, weights=weights_file)
        if module.takes_seed:
            raise UnsupportedError(
                "artifact: compiled with --training; its dropout masks are random, which the float64 reference does "
                "not draw: verify one compiled without"
            )
        check_same_model(described, module)
        choice = choose(described, model, against.value, prefix, batch_first)
        with_lengths = choice.framework == "torch"
        if inputs:
            cases = _cases(described, module, inputs, mask or [], seed)
        else:
            cases = CaseMaker(described, module, batch=batch, time=time, seed=seed, with_lengths=with_lengths).draw()
        show(f"asking {choice.framework or 'the reference'}")
        expectations = expect(described, cases, choice, model, against.value)
        show(f"comparing {len(cases)} cases")
        defaults = {REFERENCE: default_tolerance(module), expectations.by: default_tolerance(module)}
        if expectations.by != REFERENCE:
            defaults[expectations.by] = framework_tolerance(module)
        tolerances = {
            by: Tolerance(default if atol is None else atol, default if rtol is None else rtol)
            for by, default in defaults.items()
        }
        differences = run_interruptibly(lambda: compare(module, cases, expectations.cases, tolerances))
    is_good = all(difference.is_within for difference in differences)
    hint = None if is_good else _config_hint(described, module)
    rounded = rounded_weights(module)
    _print(
        cases,
        differences,
        expectations,
        tolerances[expectations.by],
        hint,
        rounded,
        seed=None if inputs else seed,
        as_json=as_json,
    )
    return EXIT_DONE if is_good else EXIT_FAILURE


def _cases(model: "Model", module: "Module", inputs: list[str], masks: list[str], seed: int) -> "list[Case]":
    """Return the cases of inputs, and of masks, that the user gives."""
    from lstm_ir.errors import ArgumentError
    from lstm_ir.runtime.mask_arguments import as_mask
    from lstm_ir.tools.given_arrays import read_inputs, read_masks
    from lstm_ir.tools.verification_cases import CaseMaker

    arrays = read_inputs(module, inputs)
    given = read_masks(module, masks)
    for name, x in arrays.items():
        if 0 in x.shape:
            raise ArgumentError(f"--input: {name!r} has shape {x.shape}, expected an array that is not empty")
    module(arrays, mask=given)  # the runtime's checks and messages, before the others'
    batch = next((arrays[s.name].shape[s.batch_axis] for s in module.inputs if s.batch_axis is not None), 1)
    times = {s.name: arrays[s.name].shape[s.time_axis] for s in module.inputs if s.time_axis is not None}
    maker = CaseMaker(model, module, batch=batch, time=None, seed=seed)
    maker.times |= times
    by_name = {} if given is None else given if isinstance(given, dict) else {module.inputs[0].name: given}
    specs = {spec.of or module.inputs[0].name: spec for spec in module.masks}
    found = {name: as_mask(mask, specs[name], batch, times[name]).astype(bool) for name, mask in by_name.items()}
    return maker.cases_of(arrays, "given input", found or None)


def _config_hint(model: "Model", module: "Module") -> str | None:
    from lstm_ir.tools.verification import first_config_difference

    given = module.description.get("model", {}).get("config")
    return None if given is None else first_config_difference(json.loads(json.dumps(model.get_config())), given)


def _print(
    cases: "list[Case]",
    differences: "list[Difference]",
    expectations: "Expectations",
    tolerance: "Tolerance",
    hint: str | None,
    rounded: dict[str, str],
    *,
    seed: int | None,
    as_json: bool,
) -> None:
    from lstm_ir.tools.console import fields, listing, print_json, print_result, shape_text
    from lstm_ir.tools.verification import worst_by_tensor

    worst = worst_by_tensor(differences)
    wrong = [difference for difference in worst if not difference.is_within]
    if as_json:
        print_json(
            {
                "within_tolerance": not wrong,
                "against": expectations.by,
                "reference": expectations.text,
                "not_asked_because": expectations.reason,
                "left_to_reference": [asdict(left) for left in expectations.left],
                "tolerance": {"absolute": tolerance.absolute, "relative": tolerance.relative},
                "seed": seed,
                "input_shape": list(next(iter(cases[0].inputs.values())).shape),
                "input_shapes": {name: list(x.shape) for name, x in cases[0].inputs.items()},
                "worst": [_plain(difference) for difference in worst],
                "cases": [_plain(difference) for difference in differences],
                "config_difference": hint,
                "weights": rounded,
            }
        )
        return
    table = listing("", "name", "largest difference", "in the case", "within", right=("largest difference",))
    for difference in worst:
        verdict = "yes" if difference.is_within else "NO"
        table.add_row(difference.kind, difference.tensor, f"{difference.largest:.2e}", difference.case, verdict)
    shapes = ", ".join(shape_text(x.shape) for x in cases[0].inputs.values())
    rows: dict[str, Any] = {
        "compared with": expectations.text,
        **_reasons(expectations),
        "tolerance": str(tolerance),
        "cases": f"{len(cases)} with input {shapes}" + ("" if seed is None else f", seed {seed}"),
        "result": f"MISMATCH in {len(wrong)} of {len(worst)} tensors" if wrong else f"all {len(worst)} tensors agree",
    }
    for type_ in sorted(set(rounded.values())):
        names = ", ".join(name for name, held in rounded.items() if held == type_)
        rows["weights"] = f"{type_} in {names}, those of the reference are not rounded; the tolerance allows for it"
    if hint is not None:
        rows["configs differ"] = hint
    print_result(table, "", fields(rows))


def _reasons(expectations: "Expectations") -> dict[str, str]:
    """Return the rows that say what a framework was not asked, and why."""
    if expectations.reason is not None:
        return {"because": expectations.reason}
    by_reason: dict[str, list[str]] = {}
    for left in expectations.left:
        what = left.case if left.what == "all" else f"{left.what} of {left.case}"
        by_reason.setdefault(left.reason, []).append(what)
    lines = [f"{', '.join(what)}: {reason}" for reason, what in by_reason.items()]
    return {"with the reference": "\n".join(lines)} if lines else {}


def _plain(difference: "Difference") -> dict[str, Any]:
    return {
        "name": difference.tensor,
        "kind": difference.kind,
        "case": difference.case,
        "largest_difference": difference.largest,
        "within_tolerance": difference.is_within,
        "against": difference.against,
    }
