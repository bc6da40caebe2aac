"""Where the command may write, found out before any work is done."""

import tempfile
from pathlib import Path

from lstm_ir.compiler import check_output
from lstm_ir.errors import ArgumentError


def check_writable(path: Path) -> Path:
    """Return the path of a file to write.

    Raises:
        ArgumentError: If it cannot be written; tried out, since some file systems allow it and then refuse.
    """
    checked = check_output(path)
    try:
        with tempfile.NamedTemporaryFile(dir=checked.parent, prefix=f".{checked.name}."):
            pass
    except OSError as error:
        raise ArgumentError(f"output: cannot write {path}: {error.strerror or error}") from error
    return checked
