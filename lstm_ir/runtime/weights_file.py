"""Weights that lie in a file of their own, beside the artifact and shared by several.

The file is a parameter archive of IREE's (.irpa) or a .safetensors file. Its entries are named by the SHA-256 of their
bytes, so that artifacts which need the same bytes share them, and each entry carries its own checksum.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iree.runtime import _binding as iree

from lstm_ir.runtime.errors import ArgumentError, ArgumentTypeError, ArtifactError

__all__ = ["SCOPE", "Weights", "find_weights", "load_weights", "open_archive"]

SCOPE = "lstm_ir"
"""IREE's name of the set of parameters that a module's weights are."""
_ARCHIVE_START = b"IRPA"


class Weights:
    """The weights of a module, in memory once however many contexts and processes read them.

    An .irpa file is mapped, and local devices read it there; the entries of a .safetensors file, which may start
    anywhere, are copied by each context.
    """

    def __init__(self, entries: Mapping[str, Any]) -> None:
        index = iree.ParameterIndex()
        for key, entry in entries.items():
            handle, offset = entry.file_storage
            index.add_from_file_handle(key, handle, entry.length, offset=offset)
        self._provider = index.create_provider(scope=SCOPE)

    def module(self, instance: Any) -> Any:
        """IREE's VM module that hands them to compiled code."""
        return iree.create_io_parameters_module(instance, self._provider)


def find_weights(description: Mapping[str, Any], source: Any, given: str | os.PathLike[str] | None) -> Weights | None:
    """Loads the weights of an artifact that has them in a file, checked against its description; else None.

    Args:
      description: The artifact's description.
      source: Its path, beside which the file is looked for, or its bytes.
      given: Where the file is, or None.

    Raises:
      ArtifactError: There is no such file, or it is damaged or another model's.
      ArgumentError: ``given``, although the artifact holds its weights itself.
      ArgumentTypeError: ``given`` is no path.
    """
    entry = description.get("weights_file")
    if given is not None and not isinstance(given, str | os.PathLike):
        raise ArgumentTypeError(f"weights: must be the path of a weights file; got {type(given).__name__}")
    if entry is None:
        if given is not None:
            raise ArgumentError("weights: the artifact holds its weights itself and takes no file of them")
        return None
    name, entries = _checked(entry)
    if given is not None:
        return load_weights(Path(given), entries)
    if not isinstance(source, str | Path):
        raise ArtifactError(
            f"artifact: its weights are in the file {name!r}, and bytes have no folder to look in: "
            "say load(..., weights=path)"
        )
    return load_weights(Path(source).parent / name, entries)


def _checked(entry: Any) -> tuple[str, dict[str, int]]:
    name = entry.get("name") if isinstance(entry, dict) else None
    entries = entry.get("entries") if isinstance(entry, dict) else None
    if not isinstance(name, str) or Path(name).name != name or not isinstance(entries, dict):
        raise ArtifactError("artifact: the description's weights_file is malformed")
    return name, entries


def load_weights(path: Path, entries: Mapping[str, int]) -> Weights:
    """Reads the entries that an artifact needs, and checks each.

    Args:
      path: The file.
      entries: The number of bytes of each, by the SHA-256 that is its name.

    Raises:
      ArtifactError: It cannot be read, lacks an entry, or one has other bytes.
    """
    found = {key: entry for key, entry in open_archive(path).items() if key in entries}
    missing = len(entries) - len(found)
    if missing:
        raise ArtifactError(
            f"weights {str(path)!r}: the file lacks {missing} of the {len(entries)} that the artifact needs: it is of "
            "another model, or of another compilation"
        )
    for key, size in entries.items():
        if found[key].length != size:
            raise ArtifactError(f"weights {str(path)!r}: an entry has {found[key].length} bytes, expected {size}")
        if hashlib.sha256(found[key].file_view).hexdigest() != key:
            raise ArtifactError(
                f"weights {str(path)!r}: a checksum does not match: the file was altered after it was written"
            )
    return Weights(found)


def open_archive(path: Path) -> dict[str, Any]:
    """Returns IREE's entries of a file by name, not yet read.

    Raises:
      ArtifactError: It cannot be read, or is neither .irpa nor .safetensors.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_ARCHIVE_START))
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise ArtifactError(f"weights {str(path)!r}: cannot be read: {reason}") from error
    index = iree.ParameterIndex()
    try:
        index.load(str(path), "irpa" if start == _ARCHIVE_START else "safetensors")
        entries = dict(index.items())
    except (RuntimeError, ValueError, LookupError, OSError) as error:  # by IREE's kind of failure
        raise ArtifactError(f"weights {str(path)!r}: the file is damaged, or neither .irpa nor .safetensors") from error
    return {key: entry for key, entry in entries.items() if entry.is_file}
