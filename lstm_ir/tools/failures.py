"""Every failure as one line on standard error and an exit code."""

import json
import os
import sys
import traceback
from typing import Any

from lstm_ir.errors import LstmIrError, UnsupportedError

EXIT_DONE = 0
EXIT_FAILURE = 1
"""A mismatch, or an error in a file, in data or on this machine."""
EXIT_USAGE = 2
"""The command line itself: an unknown option, or a value that an option does not accept."""
EXIT_UNSUPPORTED = 3
EXIT_INTERRUPTED = 128 + 2
EXIT_BROKEN_PIPE = 128 + 13

_TRACEBACK = "LSTM_IR_TRACEBACK"
"""Environment variable: when set, the traceback of a failure is printed as well."""

_EXTRA_PACKAGES = ("h5py", "iree", "safetensors", "xdsl", "rich")


class CommandError(LstmIrError, RuntimeError):
    """A failure of a command.

    Attributes:
        detail: Lines to print below the message, such as the source that is wrong.
        exit_code: What the command exits with.
    """

    exit_code = EXIT_FAILURE

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class CommandLineError(CommandError):
    """The command line asks for something that no command line can."""

    exit_code = EXIT_USAGE


def report_failure(error: Exception, *, as_json: bool = False) -> int:
    """Print an error and return the exit code that it stands for.

    Args:
        error: What a command raised.
        as_json: Put ``{"error": {"type", "message", "exit_code"}}`` on standard output as well.
    """
    code, message = explain(error)
    detail = error.detail.rstrip() if isinstance(error, CommandError) else ""
    sys.stderr.write(f"lstm-ir: error: {message}\n" + (f"{detail}\n" if detail else ""))
    if os.environ.get(_TRACEBACK):
        traceback.print_exception(error)
    if as_json:
        failure = {"type": type(error).__name__, "message": message, "exit_code": code}
        sys.stdout.write(json.dumps({"error": failure}, indent=2) + "\n")
    return code


def explain(error: Exception) -> tuple[int, str]:
    """Return an error's exit code and its one line."""
    if isinstance(error, UnsupportedError):
        return EXIT_UNSUPPORTED, _one_line(str(error))
    if isinstance(error, CommandError):
        return error.exit_code, _one_line(str(error))
    if isinstance(error, LstmIrError):
        return EXIT_FAILURE, _one_line(str(error))
    if hasattr(error, "format_message"):  # the parsing library's own errors, whichever library typer brings
        return EXIT_USAGE, _usage_line(error)
    if isinstance(error, ModuleNotFoundError) and (package := (error.name or "").split(".")[0]) in _EXTRA_PACKAGES:
        return EXIT_FAILURE, f"this command needs the package {package!r}; install the extra: lstm-ir[compiler]"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return EXIT_FAILURE, _one_line(f"{where}{error.strerror or error}")
    if isinstance(error, MemoryError):
        return EXIT_FAILURE, _one_line(f"not enough memory: {error}")
    what = _one_line(f"{type(error).__name__}: {error}")
    return EXIT_FAILURE, f"a bug in lstm-ir, please report it ({_TRACEBACK}=1 prints where): {what}"


def _usage_line(error: Any) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "lstm-ir"
    message = _one_line(error.format_message()).removesuffix(".").replace(": Value error, ", ": ")
    return f"{message}; see: {path} --help"


def _one_line(text: str) -> str:
    return " ".join(text.split())
