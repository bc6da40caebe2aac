"""Saved states: an ordinary ``.npz`` of one array per state and one JSON entry that says what they are."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.runtime.errors import ArgumentError, ArtifactError
from lstm_ir.runtime.spec import TensorSpec, numpy_dtype

__all__ = ["read_states", "write_states"]

_ABOUT = "lstm_ir.state"
_FORMAT = 1


def write_states(path: Path, specs: Sequence[TensorSpec], arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Writes states; the file appears whole under its name or not at all.

    Raises:
      ArgumentError: The file cannot be written.
    """
    about = {"format": _FORMAT, "dtypes": {spec.name: spec.dtype for spec in specs}}
    contents = {name: _storable(array) for name, array in arrays.items()}
    contents[_ABOUT] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **contents)  # type: ignore[arg-type]  # NumPy's stub takes a name for allow_pickle
        _use_default_permissions(temporary)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise ArgumentError(f"path: {str(path)!r} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def read_states(
    path: Path, specs: Sequence[TensorSpec], shapes: Sequence[tuple[int, ...]]
) -> dict[str, np.ndarray[Any, Any]]:
    """Reads states and checks that they are exactly those of ``specs`` with these shapes.

    Raises:
      ArtifactError: The file is missing, unreadable, or not a saved state.
      ArgumentError: Names, shapes or dtypes disagree.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            contents = {name: file[name] for name in file.files}
        about = json.loads(contents.pop(_ABOUT).tobytes())
        dtypes: dict[str, str] = about["dtypes"]
        newer = about["format"] > _FORMAT
    except OSError as error:
        raise ArtifactError(f"saved state {str(path)!r}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"saved state {str(path)!r}: not a state that lstm-ir saved, or damaged") from error
    if newer:
        raise ArtifactError(f"saved state {str(path)!r}: its format is newer than this lstm-ir reads: upgrade lstm-ir")
    names = [spec.name for spec in specs]
    if list(dtypes) != names or set(contents) != set(names):
        raise ArgumentError(f"saved state {str(path)!r}: holds {', '.join(dtypes)}; the module has {', '.join(names)}")
    for spec, shape in zip(specs, shapes, strict=True):
        array = contents[spec.name]
        if array.shape != shape or dtypes[spec.name] != spec.dtype:
            raise ArgumentError(
                f"saved state {str(path)!r}: {spec.name!r} is {dtypes[spec.name]}{array.shape}; "
                f"the state is {spec.dtype}{shape}"
            )
        contents[spec.name] = array.view(numpy_dtype(spec.dtype))
    return contents


def _storable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # The .npy format has no name for bfloat16: its bits are stored.
    return array.view(np.uint16) if array.dtype.kind == "V" or array.dtype.name == "bfloat16" else array


def _use_default_permissions(path: str) -> None:
    # mkstemp makes files for the owner alone; a saved state gets what open() would have given it.
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(path, 0o666 & ~umask)
