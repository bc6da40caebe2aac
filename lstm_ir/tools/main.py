"""Entry point of the command: parses, runs, and turns whatever happens into an exit code."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from lstm_ir.tools.failures import EXIT_BROKEN_PIPE, EXIT_FAILURE, EXIT_INTERRUPTED, report_failure
from lstm_ir.tools.interruption import Interrupted, OutputClosed, is_work_running, on_interrupt

# What the command's own look needs, beside the compiler.
_COMMAND_PACKAGES = ("typer", "rich", "click")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments; None takes the process's.

    Returns:
        The exit code: 0 done, 1 mismatch or failure, 2 usage, 3 unsupported, 130 interrupted, 141 when whoever read
        standard output went away.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    with on_interrupt():
        try:
            code = _run(arguments)
            sys.stdout.flush()
        except Interrupted:
            print("lstm-ir: interrupted", file=sys.stderr)  # noqa: T201  # the console may be what was interrupted
            code = EXIT_INTERRUPTED
        except (OutputClosed, BrokenPipeError):
            # Python flushes standard output once more when it exits, which must not fail again.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = EXIT_BROKEN_PIPE
    if is_work_running():
        # IREE cannot be stopped half-way, and must not be torn down under its own feet either.
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(arguments: list[str]) -> int:
    try:
        from lstm_ir.tools.application import run_application
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in _COMMAND_PACKAGES:
            raise
        print(  # noqa: T201  # there is no console without the package that is missing
            f"lstm-ir: error: the command needs the package {package!r}; install the extra: lstm-ir[compiler]",
            file=sys.stderr,
        )
        return EXIT_FAILURE
    try:
        return run_application(arguments)
    except SystemExit as finished:  # completion scripts, and help that nobody reads to its end
        return finished.code if isinstance(finished.code, int) else EXIT_FAILURE
    except BrokenPipeError:
        raise
    except Exception as error:  # every failure ends in one line and a code
        return report_failure(error, as_json="--json" in arguments)


if __name__ == "__main__":
    sys.exit(main())
