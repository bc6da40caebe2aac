"""Reads the MODEL of a command, with the options that say what weights of PyTorch leave open."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_ir.tools.failures import CommandLineError

if TYPE_CHECKING:
    from lstm_ir.layers import Model


def read_source(path: Path, prefix: str | None = None, batch_first: bool = False) -> "Model":
    """Read a model file; warnings become one line each on standard error.

    Args:
        path: The file.
        prefix: ``--prefix``: which LSTM of a state_dict.
        batch_first: ``--batch-first``: the layout of its inputs.

    Raises:
        CommandLineError: The options are given, and the file holds no weights of PyTorch.
        LstmIrError: As `lstm_ir.from_torch` and `lstm_ir.read_model`.
    """
    from lstm_ir.importers import from_torch, is_torch_file, read_model
    from lstm_ir.tools.console import note

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UserWarning)
        if prefix is None and not batch_first:
            model = read_model(path)
        elif path.exists() and not is_torch_file(path):
            raise CommandLineError(
                "--prefix and --batch-first: only for weights of PyTorch (.pt, .pth, .safetensors); a model says it "
                "itself"
            )
        else:
            model = from_torch(path, prefix, batch_first)
    for warning in found:
        if issubclass(warning.category, UserWarning):
            note(f"lstm-ir: warning: {warning.message}")
    return model
