"""The PTX of a whole module is what the kernels are designed for. Compiled and read, not run."""

import re

import numpy as np
import pytest

from lstm_ir.compiler import kernel_options, layer_level, lower, model_of
from lstm_ir.layers import LSTM
from lstm_ir.passes.emission import emit_bytecode
from lstm_ir.passes.iree_session import compile_bytecode
from lstm_ir.passes.targets import resolve_target

CASES = [("sm_80", 64, "float32"), ("sm_89", 256, "float16"), ("sm_90", 96, "float32")]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case)))
def ptx(request, tmp_path_factory):
    """An architecture, a layer's width, and the PTX of a module of it."""
    gpu, units, dtype = request.param
    target = resolve_target("cuda", target_gpu=gpu)
    layer = LSTM(units, return_sequences=True, dtype=dtype)
    layer.build((None, None, 16))
    module = layer_level(model_of(layer))
    scans = lower(module, kernels=kernel_options(target))
    assert [scan["form"] for scan in scans] == ["persistent"]
    folder = tmp_path_factory.mktemp("executables")
    source = emit_bytecode(module.module, module.weights, None, target.attribute)
    assert compile_bytecode(source, [*target.flags(), f"--iree-hal-dump-executable-files-to={folder}"])
    (file,) = folder.glob("*.ptx")
    return gpu, units, file.read_text()


def _entries(text):
    return re.findall(r"\.entry (\w+)", text)


def _kernel(text):
    """The instructions and labels of the scan's entry."""
    found = re.search(r"\.entry scan0\(.*?^\}", text, re.DOTALL | re.MULTILINE)
    return [line.strip() for line in found.group(0).splitlines()]


def _loops(lines):
    """The instructions between each label and the last jump back to it."""
    labels = {line[:-1]: n for n, line in enumerate(lines) if re.fullmatch(r"\$\w+:", line)}
    jumps = [(n, re.search(r"bra(?:\.uni)?\s+(\$\w+)", line)) for n, line in enumerate(lines)]
    back = {jump.group(1): n for n, jump in jumps if jump and labels[jump.group(1)] < n}
    return [lines[labels[label] : n] for label, n in back.items()]


def _time_loop(lines):
    """The innermost loop in which threads wait for each other."""
    return min((loop for loop in _loops(lines) if any("bar.sync" in line for line in loop)), key=len)


def test_it_is_for_the_architecture_that_is_named(ptx):
    gpu, _, text = ptx
    assert f".target {gpu}" in text


def test_a_sequence_is_one_launch(ptx):
    """One entry for the scan, with and without a mask, and one for the projection of all steps: none for a step."""
    _, _, text = ptx
    assert [name for name in _entries(text) if "scan" in name] == ["scan0"]
    assert len(_entries(text)) == 2
    assert 1 <= sum("bar.sync" in line for line in _time_loop(_kernel(text))) <= 2


def test_h_is_in_shared_memory(ptx):
    lines = _kernel(ptx[2])
    assert any(re.match(r"ld\.shared", line) for line in lines)
    assert any(re.search(r"st\.shared", line) for line in lines)


def test_nothing_is_spilled_and_nothing_called(ptx):
    lines = _kernel(ptx[2])
    assert [line for line in lines if ".local" in line or re.match(r"call", line)] == []


def test_small_layers_read_their_weights_once(ptx):
    """In the loop over time are loads of the projection and the mask only, one a gate and a few looks at it."""
    _, units, text = ptx
    time_loop = _time_loop(_kernel(text))
    loads = sum(re.search(r"ld\.global", line) is not None for line in time_loop)
    before = sum(re.search(r"ld\.global", line) is not None for line in _kernel(text)) - loads
    if units < 100:
        assert before >= 64
        assert loads <= 8
    else:
        assert before < 16 < loads


def test_sums_are_fused_multiply_adds_in_float32(ptx):
    lines = _kernel(ptx[2])
    assert sum("fma.rn.f32" in line for line in lines) > 16
    assert not any(re.match(r"fma\.rn\.f16", line) for line in lines)


def test_options_follow_the_architecture():
    memory = {gpu: kernel_options(resolve_target("cuda", target_gpu=gpu)).memory for gpu in ("sm_60", "sm_80", "sm_89")}
    assert np.all(np.diff([memory["sm_60"], memory["sm_89"], memory["sm_80"]]) > 0)
