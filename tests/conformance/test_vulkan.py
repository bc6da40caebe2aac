"""Recorded cases through the public layers, compiled for Vulkan: every seventeenth, or all if LSTM_IR_ALL_CASES is set.

Vulkan devices need not compute in float64: cases in float64 run in float32, at its tolerance.
"""

import importlib.util
import os
from pathlib import Path

import pytest

from lstm_ir import compiler
from lstm_ir.errors import UnsupportedError

SINGLE = {"rtol": 1e-5, "atol": 1e-5}
STEP = 1 if os.environ.get("LSTM_IR_ALL_CASES") else 17


@pytest.fixture(scope="session")
def live():
    """The module test_live.py, which runs a case."""
    spec = importlib.util.spec_from_file_location("conformance_live", Path(__file__).parent / "test_live.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def on_vulkan(vulkan, monkeypatch):
    """Makes executing layers compile for Vulkan."""
    original = compiler.compile
    monkeypatch.setattr(compiler, "compile", lambda source, **options: original(source, "vulkan", **options))


def _single(config):
    """A config whose layers are of float32 where they were of float64."""
    if isinstance(config, dict):
        return {
            key: "float32" if key == "dtype" and value == "float64" else _single(value) for key, value in config.items()
        }
    return [_single(value) for value in config] if isinstance(config, list) else config


@pytest.mark.parametrize("chosen", range(0, 139, STEP))
def test_case(chosen, conformance, live, on_vulkan):
    case = conformance.load_case(conformance.case_paths()[chosen])
    if case.raises is not None or "get_losses" in case.ops:
        pytest.skip("nothing of the device: an exception or losses of the layer")
    if "bfloat16" in str(case.layer["config"]):
        with pytest.raises(UnsupportedError, match="bfloat16"):
            live._run(case)
        return
    is_double = "float64" in str(case.layer["config"])
    case.layer["config"] = _single(case.layer["config"])
    conformance.check(live._run(case), case, SINGLE if is_double else None)
