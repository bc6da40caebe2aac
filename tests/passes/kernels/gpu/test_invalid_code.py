"""Code for GPUs that IREE makes and that is not valid is found when compiling, not by the driver that loads it."""

import pytest

from lstm_ir.compiler import compile_artifact
from lstm_ir.errors import CompileError, UnsupportedError
from lstm_ir.layers import LSTM
from lstm_ir.passes.kernels.gpu.gpu_target import GpuTarget


def test_bfloat16_for_vulkan(monkeypatch):
    layer = LSTM(3, dtype="mixed_bfloat16")
    layer.build((None, None, 2))
    with pytest.raises(UnsupportedError, match="vulkan takes no bfloat16"):
        compile_artifact(layer, "vulkan")
    monkeypatch.setattr(GpuTarget, "why_not", lambda *_: None)
    with pytest.raises(CompileError, match="IREE could not compile"):
        compile_artifact(layer, "vulkan")
