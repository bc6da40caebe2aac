"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lstm_ir.errors import ArgumentError, ArgumentTypeError


def check_output(output: str | os.PathLike[str]) -> Path:
    """Return the path of an artifact to write.

    Raises:
        ArgumentError: If it cannot be written, before any work is done.
        ArgumentTypeError: If it is not a path.
    """
    if not isinstance(output, str | os.PathLike):
        raise ArgumentTypeError(f"output: got {type(output).__name__}, expected a file path such as model.vmfb")
    path = Path(output)
    folder = path.parent
    if path.is_dir():
        raise ArgumentError(f"output: {path} is a folder, expected a file path such as model.vmfb")
    if not folder.is_dir():
        raise ArgumentError(f"output: folder {folder} does not exist")
    try:
        # Tried out, since some file systems say that they allow it and then refuse.
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{path.name}."):
            return path
    except OSError as error:
        raise ArgumentError(f"output: cannot write {path}: {error.strerror or error}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it, so that readers see all of it or nothing.

    Raises:
        ArgumentError: If it cannot be written.
    """
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside a path, which takes its place when all is written; after an error it is gone.

    Raises:
        ArgumentError: If it cannot be written.
    """
    name = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            name = file.name
            yield file
            file.flush()
            os.fsync(file.fileno())
        # Temporary files are private; an artifact has the permissions that any new file would have.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except OSError as error:
        raise ArgumentError(f"output: cannot write {path}: {error.strerror or error}") from error
    finally:
        if name is not None:
            with suppress(FileNotFoundError):
                os.unlink(name)
