"""xDSL's optimizer driver, which also knows our dialects, passes and pipelines, and reads models."""

import dataclasses
import io
import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import IO, Any

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.xdsl_opt_main import xDSLOptMain

from lstm_ir.compiler import model_of
from lstm_ir.lowering import layer_level
from lstm_ir.output_file import check_output, write_atomically
from lstm_ir.passes.pipelines import PIPELINES
from lstm_ir.passes.universe import LSTM_UNIVERSE
from lstm_ir.tools.console import note, write_result

MODEL_SUFFIXES = (".keras", ".h5", ".hdf5", ".onnx")
"""Names that are read as models; all others are MLIR."""

_MODEL_FRONTEND = "keras"


def expand_pipelines(text: str) -> str:
    """Replace the names of pipelines in a list of passes by their passes."""
    items = re.findall(r"[^,{]+(?:\{[^}]*\})?", text)
    return ",".join(PIPELINES.get(item.strip(), item.strip()) for item in items)


class OptDriver(xDSLOptMain):
    """``xdsl-opt`` with our universe, whether or not this package is installed with its entry points."""

    def __init__(self, args: Sequence[str]) -> None:
        self._written = _Kept()
        self._output: Path | None = None
        super().__init__("lstm-ir opt", args)

    def register_all_dialects(self) -> None:
        """Add ours to those that xDSL found."""
        super().register_all_dialects()  # type: ignore[no-untyped-call]  # xDSL does not type it
        for name, factory in LSTM_UNIVERSE.all_dialects.items():
            if name not in self.ctx.registered_dialect_names:
                self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        """Add ours to those that xDSL found."""
        super().register_all_passes()  # type: ignore[no-untyped-call]  # xDSL does not type it
        for name, factory in LSTM_UNIVERSE.all_passes.items():
            self.register_pass(name, factory)

    def register_all_frontends(self) -> None:
        """Read models, at layer level, beside MLIR."""
        super().register_all_frontends()  # type: ignore[no-untyped-call]  # xDSL does not type it
        self.available_frontends[_MODEL_FRONTEND] = self._read_model

    def register_all_arguments(self, arg_parser: ArgumentParser) -> None:
        """Add ours to xDSL's."""
        super().register_all_arguments(arg_parser)
        arg_parser.add_argument("--print-ir-after-all", action="store_true")

    def setup_pipeline(self) -> None:
        """Accept pipelines by name, and print after every pass if asked to."""
        self.args.passes = expand_pipelines(self.args.passes)
        super().setup_pipeline()  # type: ignore[no-untyped-call]  # xDSL does not type it
        if not self.args.print_ir_after_all:
            return
        verify = self.pipeline.callback

        def print_after(previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
            if previous is not None:
                note(f"// IR after {previous.spec()}\n" + str(module))
            if verify is not None:
                verify(previous, module, following)

        self.pipeline = dataclasses.replace(self.pipeline, callback=print_after)

    def get_input_stream(self) -> tuple[IO[bytes], str]:
        """Return the input and how to read it: by its name, anything that is not a model is MLIR."""
        name = self.args.input_file
        if name is None or name == "-":
            return io.BytesIO(sys.stdin.buffer.read()), "mlir"
        if Path(name).suffix in MODEL_SUFFIXES:
            return io.BytesIO(), _MODEL_FRONTEND
        return io.BytesIO(Path(name).read_bytes()), "mlir"

    def prepare_output(self) -> IO[str]:
        """Keep the output until all of it is there."""
        if self.args.output_file is not None:
            self._output = check_output(Path(self.args.output_file))
        return self._written

    def run(self) -> None:
        """Run the passes, then write all of the output; of a run that fails, nothing."""
        if self.args.output_file is not None:
            super().run()  # type: ignore[no-untyped-call]  # xDSL does not type it
            assert self._output is not None
            write_atomically(self._output, self._written.getvalue().encode())
            return
        # Diagnostics that count as output are printed, and keep their place between the modules.
        with redirect_stdout(self._written):
            super().run()  # type: ignore[no-untyped-call]  # xDSL does not type it
        text = self._written.getvalue()
        write_result(text if text.endswith("\n") or not text else f"{text}\n")

    def _read_model(self, _: IO[bytes]) -> Any:
        return layer_level(model_of(self.args.input_file)).module


class _Kept(io.StringIO):
    """A stream that keeps its text when it is closed, as the driver closes it."""

    def close(self) -> None:
        """Keep the text."""
