"""Configuration of lit for the FileCheck tests: IR in, IR out, checked line by line.

Run with ``lit tests/filecheck``, by the Python that has the package's dependencies; nothing needs to be on PATH.
"""

import importlib.metadata
import os
import sys
from pathlib import Path

import lit.formats

ROOT = Path(__file__).resolve().parents[2]
PYTHON = f'"{sys.executable}"'

config = config  # noqa: F821  # lit defines it
config.name = "lstm-ir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = str(Path(__file__).resolve().parent)
# Where lit keeps what tests write; the folder is ignored by git.
config.test_exec_root = str(ROOT / "build" / "filecheck")

# The tests check this tree, whichever one is installed.
paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
config.environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))

config.substitutions += [
    ("%lstm-opt", f"{PYTHON} -m lstm_ir.tools.main opt"),
    ("%xdsl-opt", f"{PYTHON} -m xdsl.tools.xdsl_opt"),
    ("%filecheck", f"{PYTHON} -m filecheck"),
]

# Plain xdsl-opt finds the dialect through the package's entry point, which only an installed package has.
if any(entry.name == "lstm-ir" for entry in importlib.metadata.entry_points(group="xdsl.universe")):
    config.available_features.add("installed")
