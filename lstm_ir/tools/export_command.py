"""``lstm-ir export``: a model file in, the same model in another format out."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lstm_ir.tools.options import AsJson, BatchFirst, ModelPath, Prefix


class Format(StrEnum):
    """The formats that are written."""

    SAFETENSORS = "safetensors"
    MLIR = "mlir"
    ONNX = "onnx"


def export(
    model: ModelPath,
    to: Annotated[
        Format,
        typer.Option(
            metavar="FORMAT",
            help="onnx, safetensors (the weights alone), or mlir: bytecode that iree-compile takes.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write.",
            show_default="MODEL's name.onnx, .safetensors, .mlirbc",
        ),
    ] = None,
    prefix: Prefix = None,
    batch_first: BatchFirst = False,
    masks: Annotated[
        bool, typer.Option("--masks", help="onnx: The masks that the model takes are inputs; else all steps count.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Write a model, or its weights, in a format that other tools read."""
    from lstm_ir.errors import ArgumentError
    from lstm_ir.output_file import check_output
    from lstm_ir.tools.console import fields, print_json, print_result
    from lstm_ir.tools.export import SUFFIXES, write_model
    from lstm_ir.tools.failures import CommandLineError
    from lstm_ir.tools.model_source import read_source

    path = check_output(Path(f"{model.stem}{SUFFIXES[to.value]}") if output is None else output)
    if path.exists() and model.exists() and path.samefile(model):
        raise CommandLineError(f"--output: {path} is the model itself; name another file")
    try:
        written = write_model(read_source(model, prefix, batch_first), to.value, path, with_masks=masks)
    except ArgumentError as error:
        if str(error).startswith("with_masks:"):
            raise CommandLineError(str(error).replace("with_masks", "--masks", 1)) from error
        raise
    size = sum(file.stat().st_size for file in written)
    if as_json:
        print_json({"format": to.value, "written": [str(file) for file in written], "bytes": size})
    else:
        print_result(fields({"written": "\n".join(map(str, written)), "size": f"{size:,} bytes"}))
    return 0
