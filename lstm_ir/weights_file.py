"""Writes the weights of artifacts to a file beside them: .irpa, or .safetensors."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError, ArtifactError
from lstm_ir.output_file import check_output, replacing

SUFFIXES = (".irpa", ".safetensors")
"""What such files are called."""


def check_weights_file(path: str | os.PathLike[str], artifact: Path | None) -> Path:
    """Return the path of a weights file to write.

    Args:
        path: The file.
        artifact: The artifact beside which it is to lie; None: anywhere.

    Raises:
        ArgumentError: If it cannot be written, before any work is done, or has another suffix or place.
        ArgumentTypeError: If it is not a path.
    """
    checked = check_output(path)
    if checked.suffix not in SUFFIXES:
        raise ArgumentError(f"weights_file: got {str(path)!r}, expected a name that ends in {' or '.join(SUFFIXES)}")
    if artifact is not None and checked.resolve().parent != artifact.resolve().parent:
        raise ArgumentError(f"weights_file: {checked} does not lie beside {artifact}, where it is looked for")
    return checked


def write_weights(path: Path, arrays: Mapping[str, NDArray[np.uint8]], *, keep: bool) -> None:
    """Write a file of weights beside its place and rename it.

    Args:
        path: The file, see `check_weights_file`.
        arrays: The bytes of each entry, by their SHA-256.
        keep: Whether what is in the file already stays in it: other artifacts may need that.

    Raises:
        ArgumentError: It cannot be written; or what is to stay is in no file of weights.
    """
    entries: dict[str, Any] = dict(arrays)
    if keep and path.exists():
        from lstm_ir.runtime.weights_file import open_archive

        try:
            entries = {key: np.frombuffer(e.file_view, np.uint8) for key, e in open_archive(path).items()} | entries
        except ArtifactError as error:
            raise ArgumentError(f"weights_file: {path} exists and is no file of weights: {error}") from error
    ordered = {key: entries[key] for key in sorted(entries)}
    with replacing(path) as file:
        if path.suffix == ".irpa":
            from iree.runtime import ParameterIndex

            index = ParameterIndex()
            for key, array in ordered.items():
                index.add_buffer(key, array)
            index.create_archive_file(file.name)
        else:
            from safetensors.numpy import save

            file.write(save(ordered, metadata={"format": "lstm-ir"}))
