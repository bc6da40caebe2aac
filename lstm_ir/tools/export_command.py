"""``lstm-ir export``: a model file in, the same model in another format out."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lstm_ir.tools.options import BatchFirst, ModelPath, Prefix


class Format(StrEnum):
    """The formats that are written."""

    SAFETENSORS = "safetensors"
    MLIR = "mlir"


def export(
    model: ModelPath,
    to: Annotated[
        Format,
        typer.Option(
            metavar="FORMAT",
            help="safetensors (the weights alone), or mlir: bytecode that iree-compile takes.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The file to write.",
            show_default="MODEL's name.safetensors, .mlirbc",
        ),
    ] = None,
    prefix: Prefix = None,
    batch_first: BatchFirst = False,
) -> int:
    """Write a model, or its weights, in a format that other tools read."""
    from lstm_ir.output_file import check_output, write_atomically
    from lstm_ir.tools.console import fields, print_result
    from lstm_ir.tools.export import SUFFIXES, export_model
    from lstm_ir.tools.failures import CommandLineError
    from lstm_ir.tools.model_source import read_source

    path = check_output(Path(f"{model.stem}{SUFFIXES[to.value]}") if output is None else output)
    if path.exists() and model.exists() and path.samefile(model):
        raise CommandLineError(f"--output: {path} is the model itself; name another file")
    data = export_model(read_source(model, prefix, batch_first), to.value)
    write_atomically(path, data)
    print_result(fields({"written": str(path), "size": f"{len(data):,} bytes"}))
    return 0
