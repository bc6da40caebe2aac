"""The command's shape: its name, its commands, its help. Imports nothing heavy, so that ``--help`` is quick."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from lstm_ir.tools.bench_command import bench
from lstm_ir.tools.compile_command import compile_model
from lstm_ir.tools.export_command import export
from lstm_ir.tools.failures import EXIT_USAGE
from lstm_ir.tools.inspect_command import inspect
from lstm_ir.tools.opt_command import opt
from lstm_ir.tools.run_command import run
from lstm_ir.tools.targets_command import targets
from lstm_ir.tools.verify_command import verify
from lstm_ir.version import __version__

_EPILOG = """\
A first walk, with a model saved by Keras and an input saved by numpy.save:

  lstm-ir compile model.keras               writes model.vmfb

  lstm-ir verify model.keras model.vmfb     compares the two

  lstm-ir run model.vmfb -i x.npy -o y.npy  runs it

Results go to standard output, progress to standard error.
Exit codes: 0 done, 1 mismatch or failure, 2 usage, 3 not supported.
"""

application = typer.Typer(
    name="lstm-ir",
    help="Compile LSTM models of Keras, PyTorch and ONNX ahead of time, and run them without a framework.",
    epilog=_EPILOG,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(is_wanted: bool) -> None:
    if not is_wanted:
        return
    typer.echo(f"lstm-ir {__version__}")
    for package in ("iree-base-compiler", "iree-base-runtime", "xdsl"):
        try:
            typer.echo(f"{package} {version(package)}")
        except PackageNotFoundError:
            typer.echo(f"{package} is not installed")
    raise typer.Exit


@application.callback()
def _options(
    is_version_wanted: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print versions and exit."),
    ] = False,
) -> None:
    """Compile LSTM models of Keras, PyTorch and ONNX ahead of time, and run them without a framework."""


application.command("compile")(compile_model)
application.command("run")(run)
application.command("verify")(verify)
application.command("inspect")(inspect)
application.command("export")(export)
application.command("bench")(bench)
application.command("opt")(opt)
application.command("targets")(targets)


def run_application(arguments: list[str]) -> int:
    """Parse arguments and run the command that they name; errors are raised.

    Returns:
        The exit code.
    """
    if not arguments:
        application(["--help"], prog_name="lstm-ir", standalone_mode=False)
        return EXIT_USAGE
    result = application(arguments, prog_name="lstm-ir", standalone_mode=False)
    return result if isinstance(result, int) else 0
