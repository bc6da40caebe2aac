"""``lstm-ir verify``: an artifact against the model that it was made from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_ir.errors import UnsupportedError
from lstm_ir.tools.failures import EXIT_DONE, EXIT_FAILURE, CommandLineError
from lstm_ir.tools.interruption import run_interruptibly
from lstm_ir.tools.options import ArtifactPath, AsJson, BatchFirst, Device, ModelPath, Prefix, Threads

if TYPE_CHECKING:
    from lstm_ir.layers import Model
    from lstm_ir.runtime import Module
    from lstm_ir.tools.verification import Difference, Tolerance
    from lstm_ir.tools.verification_cases import Case

_REFERENCE = "lstm_ir.reference, step by step in float64"


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
    input_file: Annotated[
        Path | None, typer.Option("--input", "-i", metavar="FILE.npy", help="An input to use instead of a drawn one.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE.npy", help="A mask to use instead of a drawn one; needs --input.")
    ] = None,
    rtol: Annotated[
        float | None, typer.Option(min=0.0, help="Relative tolerance.", show_default="1e-5 for float32")
    ] = None,
    atol: Annotated[
        float | None, typer.Option(min=0.0, help="Absolute tolerance.", show_default="1e-5 for float32")
    ] = None,
    prefix: Prefix = None,
    batch_first: BatchFirst = False,
    device: Device = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> int:
    """Compare an artifact with its model, computed in float64.

    Runs inputs with and without masks and states through both, and shows the largest difference of each tensor.

    Exit code 0 when all are within tolerance, else 1.
    """
    if mask is not None and input_file is None:
        raise CommandLineError("--mask: only together with --input, whose steps it is about")
    if input_file is not None and (batch is not None or time is not None):
        raise CommandLineError("--batch and --time: only without --input, which has its own")
    import lstm_ir
    from lstm_ir.tools.console import progress
    from lstm_ir.tools.model_source import read_source
    from lstm_ir.tools.verification import Tolerance, check_same_model, compare, default_tolerance, rounded_weights

    with progress("reading the model") as show:
        described = read_source(model, prefix, batch_first)
        module = lstm_ir.load(artifact, device=device, threads=threads)
        if module.takes_seed:
            raise UnsupportedError(
                "artifact: compiled with --training; its dropout masks are random, which the float64 reference does "
                "not draw: verify one compiled without"
            )
        check_same_model(described, module)
        cases = _cases(described, module, input_file, mask, batch, time, seed)
        default = default_tolerance(module)
        tolerance = Tolerance(default if atol is None else atol, default if rtol is None else rtol)
        show(f"comparing {len(cases)} cases")
        differences = run_interruptibly(lambda: compare(described, module, cases, tolerance))
    is_good = all(difference.is_within for difference in differences)
    hint = None if is_good else _config_hint(described, module)
    rounded = rounded_weights(module)
    _print(cases, differences, tolerance, hint, rounded, seed=None if input_file is not None else seed, as_json=as_json)
    return EXIT_DONE if is_good else EXIT_FAILURE


def _cases(
    model: "Model",
    module: "Module",
    input_file: Path | None,
    mask_file: Path | None,
    batch: int | None,
    time: int | None,
    seed: int,
) -> "list[Case]":
    from lstm_ir.errors import ArgumentError
    from lstm_ir.tools.array_files import read_array
    from lstm_ir.tools.verification_cases import CaseMaker

    spec = module.inputs[0]
    x = mask = None
    if input_file is not None:
        if len(module.inputs) > 1:
            names = ", ".join(each.name for each in module.inputs)
            raise ArgumentError(
                f"--input: the model has {len(module.inputs)} inputs ({names}), which can only be drawn"
            )
        x = read_array(input_file, "--input")
        if x.ndim == len(spec.shape):  # else the module's own check says what is wrong
            batch = None if spec.batch_axis is None else x.shape[spec.batch_axis]
            time = None if spec.time_axis is None else x.shape[spec.time_axis]
    if mask_file is not None:
        mask = read_array(mask_file, "--mask")
    maker = CaseMaker(model, module, batch=batch, time=time, seed=seed)
    if x is None:
        return maker.draw()
    if 0 in x.shape:
        raise ArgumentError(f"--input: got shape {x.shape}, expected an array that is not empty")
    module(x, mask=mask)  # the runtime's checks and messages, before the reference's
    return maker.cases_of({spec.name: x}, "given input", mask)


def _config_hint(model: "Model", module: "Module") -> str | None:
    from lstm_ir.tools.verification import first_config_difference

    given = module.description.get("model", {}).get("config")
    return None if given is None else first_config_difference(json.loads(json.dumps(model.get_config())), given)


def _print(
    cases: "list[Case]",
    differences: "list[Difference]",
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
                "reference": _REFERENCE,
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
        "reference": _REFERENCE,
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


def _plain(difference: "Difference") -> dict[str, Any]:
    return {
        "name": difference.tensor,
        "kind": difference.kind,
        "case": difference.case,
        "largest_difference": difference.largest,
        "within_tolerance": difference.is_within,
    }
