"""``lstm-ir run``: arrays through an artifact."""

import secrets
import time as clock
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_ir.errors import ArgumentError
from lstm_ir.tools.failures import CommandLineError
from lstm_ir.tools.interruption import run_interruptibly
from lstm_ir.tools.options import ArtifactPath, AsJson, Device, Threads, WeightsFile

if TYPE_CHECKING:
    from lstm_ir.runtime import Module

_SAVED_STATE = "lstm_ir.state"
_SHOWN_VALUES = 6


def run(
    artifact: ArtifactPath,
    inputs: Annotated[
        list[str],
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="An input, as FILE.npy or NAME=FILE.npy; repeat it for a model with several inputs, or give FILE.npz "
            "with all of them by name.",
        ),
    ],
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Which steps count: (batch, time), true or nonzero where one does. FILE.npy; of a model with several "
            "inputs NAME=FILE.npy for each, or FILE.npz with the masks by the inputs' names.",
        ),
    ] = None,
    initial_state: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="States to start from, by name; those left out are zeros."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=2**64 - 1,
            metavar="N",
            help="What dropout is drawn from, for an artifact compiled with --training.",
            show_default="a fresh one, shown",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write: .npy for the one output, .npz for all outputs and final states by name.",
        ),
    ] = None,
    device: Device = None,
    threads: Threads = None,
    weights_file: WeightsFile = None,
    as_json: AsJson = False,
) -> int:
    """Run an artifact on arrays saved by NumPy, and show or save what it returns.

    Needs neither the model nor the compiler. bfloat16 results are saved as float32, which holds all their values.
    """
    import lstm_ir
    from lstm_ir.output_file import check_output, write_atomically
    from lstm_ir.tools.array_files import npy_bytes, npz_bytes
    from lstm_ir.tools.given_arrays import read_inputs, read_masks

    path = None if output is None else check_output(output)
    if path is not None and path.suffix not in (".npy", ".npz"):
        raise CommandLineError(f"--output: got {path}, expected a name that ends in .npy or .npz")
    module = lstm_ir.load(artifact, device=device, threads=threads, weights=weights_file)
    if path is not None and path.suffix == ".npy" and len(module.outputs) > 1:
        names = ", ".join(spec.name for spec in module.outputs)
        raise CommandLineError(f"--output: the model has {len(module.outputs)} outputs ({names}), expected a .npz file")
    seed = _seed(module, seed)
    given = read_inputs(module, inputs)
    mask_array = read_masks(module, mask or [])
    state_arrays = None if initial_state is None else _read_states(module, initial_state)
    started = clock.perf_counter()
    outputs, states = run_interruptibly(lambda: _call(module, given, mask_array, state_arrays, seed))
    seconds = clock.perf_counter() - started
    if path is not None:
        data = npz_bytes({**states, **outputs}) if path.suffix == ".npz" else npy_bytes(next(iter(outputs.values())))
        write_atomically(path, data)
    _print(_ran_on(module, given), outputs, states, seconds, path, seed, as_json=as_json)
    return 0


def _ran_on(module: "Module", inputs: Mapping[str, Any]) -> str:
    """Return the name of the device that the call ran on."""
    spec = module.inputs[0]
    batch = 1 if spec.batch_axis is None else inputs[spec.name].shape[spec.batch_axis]
    times = [inputs[each.name].shape[each.time_axis] for each in module.inputs if each.time_axis is not None]
    return module.device_for(batch, max(times, default=1)).name


def _seed(module: "Module", seed: int | None) -> int | None:
    """Return the seed to call with: one is drawn here and not in the module, so that it can be shown."""
    if module.takes_seed:
        return secrets.randbits(64) if seed is None else seed
    if seed is not None:
        raise ArgumentError("--seed: the artifact draws nothing; one compiled with --training takes a seed")
    return None


def _read_states(module: "Module", path: Path) -> dict[str, Any]:
    from lstm_ir.tools.array_files import read_arrays

    arrays = read_arrays(path, "--initial-state")
    if _SAVED_STATE in arrays:  # what State.save wrote
        batch = next((array.shape[0] for name, array in arrays.items() if name != _SAVED_STATE and array.ndim), 0)
        state = module.make_state(batch)
        state.restore(path)
        return state.numpy()
    # What --output wrote holds outputs as well, so that a run can go on where another stopped.
    outputs = {spec.name for spec in module.outputs} - {spec.name for spec in module.states}
    return {name: array for name, array in arrays.items() if name not in outputs}


def _call(
    module: "Module",
    inputs: Mapping[str, Any],
    mask: Any,
    initial_state: Mapping[str, Any] | None,
    seed: int | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return outputs and final states by name."""
    state = None
    options: dict[str, Any] = {}
    spec = module.inputs[0]
    shape = inputs[spec.name].shape
    if module.states and spec.batch_axis is not None and len(shape) == len(spec.shape):
        state = module.make_state(shape[spec.batch_axis])
        if initial_state is not None:
            state.set(initial_state)
        options["state"] = state
    elif initial_state is not None:
        options["initial_state"] = initial_state
    result = module(dict(inputs), mask=mask, seed=seed, **options)
    results = result if isinstance(result, list) else [result]
    outputs = {spec.name: array for spec, array in zip(module.outputs, results, strict=True)}
    return outputs, {} if state is None else state.numpy()


def _print(
    device: str,
    outputs: Mapping[str, Any],
    states: Mapping[str, Any],
    seconds: float,
    path: Path | None,
    seed: int | None,
    *,
    as_json: bool,
) -> None:
    from lstm_ir.tools.console import fields, listing, print_json, print_result, shape_text

    summaries = {kind: [_summary(*item) for item in arrays.items()] for kind, arrays in
                 (("outputs", outputs), ("states", states))}  # fmt: skip
    if as_json:
        written = None if path is None else str(path)
        ran = {"device": device, "seconds": seconds, "seed": seed, "written": written}
        print_json({**summaries, **ran})
        return
    table = listing("", "name", "dtype", "shape", "min", "max", "first values", right=("min", "max"))
    for kind, entries in summaries.items():
        for entry in entries:
            first = ", ".join(f"{value:.6g}" for value in entry["first"])
            more = " ..." if entry["size"] > len(entry["first"]) else ""
            low, high = ("" if entry[key] is None else f"{entry[key]:.6g}" for key in ("min", "max"))
            name, dtype, shape = entry["name"], entry["dtype"], shape_text(entry["shape"])
            table.add_row(kind.removesuffix("s"), name, dtype, shape, low, high, first + more)
    rows = {"ran on": f"{device}, {seconds * 1e3:.2f} ms"}
    if seed is not None:
        rows["seed"] = str(seed)
    if path is not None:
        rows["written"] = str(path)
    print_result(table, "", fields(rows))


def _summary(name: str, array: Any) -> dict[str, Any]:
    flat = array.astype("float64").reshape(-1)
    return {
        "name": name,
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "size": array.size,
        "min": float(flat.min()) if flat.size else None,
        "max": float(flat.max()) if flat.size else None,
        "first": [float(value) for value in flat[:_SHOWN_VALUES]],
    }
