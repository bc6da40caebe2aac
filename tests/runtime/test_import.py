"""Importing the runtime is cheap, and loading needs nothing beyond NumPy and iree.runtime."""

import subprocess
import sys

import pytest

import lstm_ir.runtime


def test_importing_brings_neither_iree_nor_the_compiler():
    script = (
        "import sys, lstm_ir.runtime as r; dir(r); print([m for m in sys.modules if m.startswith(('iree', 'xdsl'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loading_imports_no_more_of_us_than_the_runtime(artifact, tmp_path):
    path = tmp_path / "scan.vmfb"
    path.write_bytes(artifact)
    script = f"""
import sys, lstm_ir.runtime
lstm_ir.runtime.load({str(path)!r})
ours = {{m for m in sys.modules if m.startswith("lstm_ir") and not m.startswith("lstm_ir.runtime")}}
print(sorted(ours - {{"lstm_ir", "lstm_ir.version"}}), any(m.startswith("iree.compiler") for m in sys.modules))
print("concurrent.futures" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[] False", "False"]


def test_public_names():
    for name in lstm_ir.runtime.__all__:
        assert getattr(lstm_ir.runtime, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lstm_ir.runtime.nothing
