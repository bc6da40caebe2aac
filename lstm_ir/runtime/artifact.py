r"""The artifact file: an ordinary vmfb that carries its own description and checksum.

Layout, little endian::

    vmfb bytes | zeros up to a multiple of 8 | description, UTF-8 JSON | trailer, 64 bytes

    trailer:  magic "LSTM-IR\0" | format u32 | zero u32 | vmfb length u64 | description length u64 | SHA-256

The digest covers every byte before it, so no byte of the file is outside it. IREE's own tools read a vmfb from its
front and ignore what follows, so ``iree-run-module`` runs an artifact as it is.

An artifact for several targets, format 2, is whole artifacts one after another, weights and all::

    artifact | zeros up to a multiple of 8 | artifact | zeros ... | index, UTF-8 JSON | trailer, 64 bytes

    index: {"artifacts": [bytes of each ...]}; in the trailer, the lengths of all artifacts with zeros, and of the index
"""

from __future__ import annotations

import hashlib
import json
import operator
import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from lstm_ir.runtime.errors import ArtifactError

__all__ = ["FORMAT", "FORMAT_OF_SEVERAL", "join", "pack", "unpack", "unpack_all"]

FORMAT = 1
"""The format of an artifact for one target, and of descriptions."""
FORMAT_OF_SEVERAL = 2
"""The format of one for several, and the newest that this version reads."""

_MAGIC = b"LSTM-IR\0"
# Later formats keep these 64 bytes, so that an old reader can still tell "newer" from "altered".
_TRAILER = struct.Struct("<8sIIQQ32s")
_DIGEST_BYTES = 32
_ALIGNMENT = 8
_REQUIRED_KEYS = ("target", "inputs", "outputs", "states", "entries")
# A vmfb begins as a ZIP file (IREE wraps its flatbuffer in one) or, from older writers, with a bare flatbuffer.
_ZIP_START = b"PK\x03\x04"
_FLATBUFFER_NAME = b"IREE"


def pack(vmfb: bytes, description: dict[str, Any]) -> bytes:
    """Appends a description and a checksum to a compiled module.

    Args:
      vmfb: What IREE's compiler wrote.
      description: The module's self-description; must survive ``json.dumps``.

    Returns:
      The bytes of an artifact, to be written to a file as they are.

    Raises:
      ArtifactError: ``vmfb`` is empty, or the description is not JSON.
    """
    if not vmfb:
        raise ArtifactError("artifact: the compiled module is empty")
    try:
        text = json.dumps(description, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"artifact: the description is not JSON: {error}") from error
    encoded = text.encode()
    return _seal(FORMAT, vmfb, encoded)


def join(artifacts: Sequence[bytes]) -> bytes:
    """Makes one artifact of several, of the same model for different targets.

    Args:
      artifacts: What ``pack`` made of each. The first is the one that runs where nobody names a device.
    """
    padded = b"".join(artifact + bytes(-len(artifact) % _ALIGNMENT) for artifact in artifacts)
    index = {"artifacts": [len(artifact) for artifact in artifacts]}
    return _seal(FORMAT_OF_SEVERAL, padded, json.dumps(index, separators=(",", ":")).encode())


def _seal(version: int, content: bytes, text: bytes) -> bytes:
    trailer = _TRAILER.pack(_MAGIC, version, 0, len(content), len(text), bytes(_DIGEST_BYTES))
    body = b"".join((content, bytes(-len(content) % _ALIGNMENT), text, trailer[:-_DIGEST_BYTES]))
    return body + hashlib.sha256(body).digest()


def unpack(data: bytes | bytearray | memoryview) -> tuple[bytes, dict[str, Any]]:
    """Checks an artifact, every byte of it, and takes it apart. Runs none of its code.

    Args:
      data: The whole file.

    Returns:
      The vmfb and the description; of an artifact for several targets those of the first.

    Raises:
      ArtifactError: The data is empty, is not an artifact, was cut or altered, or has a newer format.
    """
    return unpack_all(data)[0]


def unpack_all(data: bytes | bytearray | memoryview) -> list[tuple[bytes, dict[str, Any]]]:
    """Does what ``unpack`` does for every target of an artifact, in their order."""
    view = memoryview(data)
    version, content, text = _open(view)
    if version == FORMAT:
        return [(bytes(content), _parse(bytes(text)))]
    try:
        sizes = [operator.index(size) for size in json.loads(bytes(text))["artifacts"]]
        starts = [*accumulate((size + -size % _ALIGNMENT for size in sizes), initial=0)]
    except (ValueError, TypeError, KeyError) as error:
        raise ArtifactError("artifact: the index of its targets is malformed") from error
    if not sizes or starts[-1] != len(content):
        raise ArtifactError("artifact: the index of its targets contradicts the file's length")
    found = []
    for start, size in zip(starts, sizes, strict=False):  # the last start is the end
        if _open(content[start : start + size])[0] != FORMAT:
            raise ArtifactError("artifact: the index of its targets is malformed")
        found.append(unpack(content[start : start + size]))
    return found


def _open(view: memoryview) -> tuple[int, memoryview, memoryview]:
    """Returns the format, and what stands before the trailer: code or artifacts, and the JSON."""
    if len(view) == 0:
        raise ArtifactError("artifact: the file is empty")
    if len(view) < _TRAILER.size or bytes(view[-_TRAILER.size :][: len(_MAGIC)]) != _MAGIC:
        raise ArtifactError(f"artifact: {_without_trailer(view)}")
    _, version, zero, content_bytes, text_bytes, digest = _TRAILER.unpack(view[-_TRAILER.size :])
    if hashlib.sha256(view[:-_DIGEST_BYTES]).digest() != digest:
        raise ArtifactError("artifact: the checksum does not match: the file was altered after it was written")
    if version > FORMAT_OF_SEVERAL:
        raise ArtifactError(
            f"artifact: format {version} is newer than the newest that this lstm-ir reads ({FORMAT_OF_SEVERAL}): "
            "upgrade lstm-ir"
        )
    start = content_bytes + -content_bytes % _ALIGNMENT
    if version < 1 or zero != 0 or start + text_bytes + _TRAILER.size != len(view):
        raise ArtifactError("artifact: the lengths in the trailer contradict the file's")
    return version, view[:content_bytes], view[start : start + text_bytes]


def _without_trailer(view: memoryview) -> str:
    head = bytes(view[:12])
    # The name stands behind the root offset, and behind a size where the flatbuffer is prefixed with one.
    if head.startswith(_ZIP_START) or _FLATBUFFER_NAME in (head[4:8], head[8:12]):
        return (
            "the file begins as an IREE module but has no lstm-ir trailer at its end: "
            "it was cut or changed there, or lstm-ir did not write it"
        )
    return "the file is not an lstm-ir artifact (no lstm-ir trailer at its end)"


def _parse(encoded: bytes) -> dict[str, Any]:
    try:
        description = json.loads(encoded)
    except ValueError as error:
        raise ArtifactError(f"artifact: the description is not JSON: {error}") from error
    missing = [key for key in _REQUIRED_KEYS if not isinstance(description, dict) or key not in description]
    if missing:
        raise ArtifactError(f"artifact: the description lacks {', '.join(missing)}")
    form = description.get("format", FORMAT)
    if not isinstance(form, int) or form > FORMAT:
        raise ArtifactError(
            f"artifact: description format {form!r} is newer than the newest that this lstm-ir reads ({FORMAT})"
        )
    assert isinstance(description, dict)
    return description
