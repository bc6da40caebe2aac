"""``lstm-ir opt``: passes on IR, one at a time or by pipeline, as mlir-opt does."""

from pathlib import Path
from typing import Annotated

import typer

from lstm_ir.tools.failures import CommandError, CommandLineError


def opt(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            show_default="-",
            help="IR (.mlir), or a model (.keras, .h5, .onnx), read as IR at layer level; - is standard input.",
        ),
    ] = None,
    passes: Annotated[
        str,
        typer.Option(
            "--passes",
            "-p",
            metavar="PIPELINE",
            help="Passes and named pipelines, with commas between; options in braces: lstm-choose-form{form=loop}.",
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write.", show_default="standard output"),
    ] = None,
    print_ir_after_all: Annotated[
        bool, typer.Option("--print-ir-after-all", help="Print the IR after each pass to standard error.")
    ] = False,
    is_list_wanted: Annotated[bool, typer.Option("--list", help="List pipelines and passes and exit.")] = False,
    split_input_file: Annotated[
        bool, typer.Option("--split-input-file", help="Read parts that lines of // ----- separate one by one.")
    ] = False,
    verify_diagnostics: Annotated[
        bool, typer.Option("--verify-diagnostics", help="Print verifier and pass errors as output, and go on.")
    ] = False,
    parsing_diagnostics: Annotated[
        bool, typer.Option("--parsing-diagnostics", help="Print parse errors as output, and go on.")
    ] = False,
    print_op_generic: Annotated[
        bool, typer.Option("--print-op-generic", help="Print operations in MLIR's generic form.")
    ] = False,
    print_debuginfo: Annotated[
        bool, typer.Option("--print-debuginfo", help="Print locations: the layer that each operation comes from.")
    ] = False,
    allow_unregistered_dialect: Annotated[
        bool, typer.Option("--allow-unregistered-dialect", help="Accept operations of dialects that nobody registered.")
    ] = False,
) -> int:
    """Run passes on IR and print the result, mlir-opt style.

    Examples: lstm-ir opt model.keras; lstm-ir opt model.keras -p recurrence; lstm-ir opt f.mlir -p lstm-normalize.
    """
    if is_list_wanted:
        _print_list()
        return 0
    arguments = ["--passes", passes] if passes else []
    flags = {
        "--print-ir-after-all": print_ir_after_all,
        "--split-input-file": split_input_file,
        "--verify-diagnostics": verify_diagnostics,
        "--parsing-diagnostics": parsing_diagnostics,
        "--print-op-generic": print_op_generic,
        "--print-debuginfo": print_debuginfo,
        "--allow-unregistered-dialect": allow_unregistered_dialect,
    }
    arguments += [flag for flag, is_set in flags.items() if is_set]
    if output is not None:
        arguments += ["--output-file", str(output)]
    _run([*arguments, *([] if file is None else ["--", file])], "standard input" if file in (None, "-") else str(file))
    return 0


def _run(arguments: list[str], source: str) -> None:
    from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError

    from lstm_ir.tools.opt_driver import OptDriver

    try:
        driver = OptDriver(arguments)
    except ArgSpecParseError as error:
        message, _, detail = str(error).partition("\n")
        raise CommandLineError(f"--passes: {message.rstrip(':')}", detail) from error
    except (ValueError, TypeError) as error:
        raise CommandLineError(f"--passes: {error}; see: lstm-ir opt --list") from error
    try:
        driver.run()
    except ParseError as error:
        where, _, snippet = str(error).partition("\n")
        raise CommandError(f"{where}: {error.msg}", _without_last(snippet, error.msg)) from error
    except DiagnosticException as error:
        first, _, detail = str(error).strip().partition("\n")
        notes = getattr(error, "__notes__", [])
        raise CommandError(f"{source}: {first}", "\n".join([detail, *notes]).strip("\n")) from error


def _without_last(snippet: str, message: str) -> str:
    """Return the source that a parse error shows, without its message at the end."""
    snippet = snippet.rstrip()
    return snippet.removesuffix(message).rstrip() if snippet.endswith(message) else snippet


def _print_list() -> None:
    from lstm_ir.passes.pipelines import PIPELINES
    from lstm_ir.passes.universe import LSTM_UNIVERSE
    from lstm_ir.tools.console import listing, print_result

    pipelines = listing("pipeline", "passes")
    for name, passes in PIPELINES.items():
        pipelines.add_row(name, passes)
    table = listing("pass", "what it does")
    for name, factory in LSTM_UNIVERSE.all_passes.items():
        table.add_row(name, (factory().__doc__ or "").strip().splitlines()[0])
    print_result(pipelines, "", table, "", "and every pass of xDSL")
