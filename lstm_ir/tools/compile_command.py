"""``lstm-ir compile``: a model file in, an artifact out."""

import os
import time as clock
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_ir.errors import ArgumentError
from lstm_ir.tools.failures import CommandLineError
from lstm_ir.tools.interruption import run_interruptibly
from lstm_ir.tools.options import AsJson, Batch, BatchFirst, ModelPath, Prefix, Time

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from lstm_ir.compiler import Artifact
    from lstm_ir.layers import Model


class Form(StrEnum):
    """The forms of a time loop; those that this version lacks are refused with the reason."""

    AUTO = "auto"
    LOOP = "loop"
    UNROLLED = "unrolled"
    PERSISTENT = "persistent"
    COOPERATIVE = "cooperative"


class Weights(StrEnum):
    """How weights can be stored otherwise: in another type than their layer's own, or in a file of their own."""

    BF16 = "bf16"
    SEPARATE = "separate"


_STAGES = {
    "import": "reading the model",
    "passes": "running the passes",
    "emission": "emitting MLIR",
    "iree": "compiling with IREE",
}


def compile_model(
    model: ModelPath,
    target: Annotated[
        str, typer.Option(help="What to compile for: cpu, cuda or vulkan; or several, cpu,vulkan.")
    ] = "cpu",
    target_cpu: Annotated[
        str,
        typer.Option(
            metavar="CPU",
            help="host (this machine), generic (any), or an LLVM name: x86-64-v3, znver4 ... See: lstm-ir targets.",
        ),
    ] = "host",
    target_gpu: Annotated[
        str | None,
        typer.Option(
            metavar="GPU",
            help="cuda: sm_80, sm_89 ...; vulkan: generic, ampere, rdna3 ... See: lstm-ir targets.",
            show_default="sm_80, generic",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The artifact to write.", show_default="MODEL's name.vmfb"),
    ] = None,
    batch: Batch = None,
    time: Time = None,
    prefix: Prefix = None,
    batch_first: BatchFirst = False,
    form: Annotated[
        Form,
        typer.Option(
            metavar="FORM",
            help="How time loops run: auto (the cost model decides), persistent, cooperative, loop "
            "or unrolled (needs --time); inspect says why.",
        ),
    ] = Form.AUTO,
    weights: Annotated[
        list[Weights] | None,
        typer.Option(
            metavar="HOW",
            help="bf16: store the kernels of float32 LSTM layers in that type, to be read faster; arithmetic stays "
            "float32, and verify says what it costs. separate: write the weights to a file beside the artifact. Both "
            "may be given.",
            show_default="each layer's own type, in the artifact",
        ),
    ] = None,
    weights_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --weights separate: the file, .irpa or .safetensors, in the artifact's folder. What it holds "
            "already stays, so that several artifacts share it.",
            show_default="the artifact's name.irpa, written anew",
        ),
    ] = None,
    training: Annotated[
        bool, typer.Option("--training", help="Keep dropout active: each run draws its masks from a seed.")
    ] = False,
    costs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What lstm-ir bench --calibrate measured, for the choice of forms."),
    ] = None,
    print_ir_after_all: Annotated[
        bool, typer.Option("--print-ir-after-all", help="Print the IR after each pass to standard error.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Compile a model file to an artifact (.vmfb) that runs without the framework that it comes from.

    Batch and time stay open unless they are fixed here: one artifact serves any batch and any number of steps.
    """
    from lstm_ir.output_file import check_output, write_atomically
    from lstm_ir.tools.console import print_json, print_result, progress
    from lstm_ir.tools.model_source import read_source
    from lstm_ir.weights_file import write_weights

    path = check_output(Path(f"{model.stem}.vmfb") if output is None else output)
    if path.exists() and model.exists() and os.path.samefile(path, model):
        raise CommandLineError(f"--output: {path} is the model itself; name another file")
    how = weights or []
    beside = _weights_file(path, model, weights_file) if Weights.SEPARATE in how else None
    if weights_file is not None and beside is None:
        raise CommandLineError("--weights-file: only with --weights separate")
    with progress(_STAGES["import"]) as show:
        try:
            artifact = run_interruptibly(
                lambda: _compile(
                    lambda: read_source(model, prefix, batch_first),
                    target,
                    lambda stage: show(_STAGES[stage]),
                    _print_ir if print_ir_after_all else None,
                    target_cpu=target_cpu,
                    target_gpu=target_gpu,
                    batch=batch,
                    time=time,
                    form=form.value,
                    weights=Weights.BF16.value if Weights.BF16 in how else None,
                    weights_file=None if beside is None else beside.name,
                    training=training,
                    costs=costs,
                )
            )
        except ArgumentError as error:
            for name in ("target_cpu", "target_gpu", "costs", "prefix"):
                if str(error).startswith(f"{name}:"):
                    option = f"--{name.replace('_', '-')}"
                    raise CommandLineError(str(error).replace(name, option, 1)) from error
            raise
    if beside is not None:
        # First, since the artifact is nothing without it.
        write_weights(beside, artifact.weights, keep=weights_file is not None)
    write_atomically(path, artifact.data)
    if as_json:
        print_json(_result(path, artifact, beside))
    else:
        print_result(_table(path, artifact, beside))
    return 0


def _weights_file(artifact: Path, model: Path, given: Path | None) -> Path:
    """Return the file of weights to write beside an artifact.

    Raises:
        CommandLineError: It is not to lie there, is no such file's name, or is the model.
    """
    from lstm_ir.weights_file import check_weights_file

    path = artifact.with_suffix(".irpa") if given is None else given
    if path.exists() and model.exists() and os.path.samefile(path, model):
        raise CommandLineError(f"--weights-file: {path} is the model itself; name another file")
    try:
        return check_weights_file(path, artifact)
    except ArgumentError as error:
        raise CommandLineError(str(error).replace("weights_file:", "--weights-file:", 1)) from error


def _compile(
    read: "Callable[[], Model]",
    target: str,
    on_stage: Callable[[str], None],
    after_pass: "Callable[[str, ModuleOp], None] | None",
    **options: Any,
) -> "Artifact":
    from lstm_ir.compiler import compile_artifact

    begun = clock.perf_counter()
    model = read()
    seconds = clock.perf_counter() - begun
    artifact = compile_artifact(model, target, on_stage=on_stage, after_pass=after_pass, **options)
    return replace(artifact, seconds={**artifact.seconds, "import": seconds + artifact.seconds["import"]})


def _print_ir(name: str, module: "ModuleOp") -> None:
    from lstm_ir.tools.console import note

    note(f"// IR after {name}\n{module}")


def _weights_bytes(artifact: "Artifact") -> int:
    return sum(int(each["weights_bytes"]) for each in (artifact.description, *artifact.others))


def _bytes_beyond_weights(artifact: "Artifact") -> int:
    if "weights_file" in artifact.description:
        return len(artifact.data)
    return len(artifact.data) - _weights_bytes(artifact)


def _result(path: Path, artifact: "Artifact", beside: Path | None) -> dict[str, Any]:
    description = artifact.description
    return {
        "artifact": str(path),
        "weights_file": None if beside is None else str(beside),
        "bytes": len(artifact.data),
        "weights_bytes": _weights_bytes(artifact),
        "bytes_beyond_weights": _bytes_beyond_weights(artifact),
        "target": description["target"],
        "scans": description["scans"],
        "driver": description["driver"],
        "training": description.get("seed") is not None,
        "seconds": dict(artifact.seconds),
        "others": [{key: other[key] for key in ("target", "scans", "driver")} for other in artifact.others],
    }


def _table(path: Path, artifact: "Artifact", beside: Path | None) -> Any:
    from lstm_ir.tools.console import bytes_text, fields
    from lstm_ir.tools.description_text import form_lines, mode_text, other_rows, target_text

    size, beyond = bytes_text(len(artifact.data)), bytes_text(_bytes_beyond_weights(artifact))
    stages = [f"{stage} {seconds:.2f}" for stage, seconds in artifact.seconds.items()]
    return fields(
        {
            "artifact": str(path),
            **({} if beside is None else {"weights": f"{beside}, {bytes_text(beside.stat().st_size)}"}),
            "size": f"{size}, {beyond} beyond the weights",
            "target": target_text(artifact.description["target"]),
            "forms": "\n".join(form_lines(artifact.description["scans"], with_others=False)),
            **other_rows(artifact.others, with_others=False),
            **mode_text(artifact.description),
            "seconds": f"{', '.join(stages)}, in all {sum(artifact.seconds.values()):.2f}",
        }
    )
