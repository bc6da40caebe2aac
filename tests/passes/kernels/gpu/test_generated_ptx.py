"""The PTX of a whole module is what the kernels are designed for. Compiled and read, not run."""

import re

import numpy as np
import pytest

from lstm_ir.compiler import model_of
from lstm_ir.layers import LSTM
from lstm_ir.lowering import kernel_options, layer_level, lower
from lstm_ir.passes.emission import emit_bytecode
from lstm_ir.passes.iree_session import compile_bytecode
from lstm_ir.passes.targets import resolve_target

CASES = [("sm_80", 64, "float32"), ("sm_89", 256, "float16"), ("sm_90", 128, "float32")]


COOPERATIVE = [("sm_80", 768, "float32"), ("sm_90", 768, "float16"), ("sm_80", 512, "mixed_bfloat16")]
PRODUCTS = {("sm_80", 768): [], ("sm_90", 768): ["f32.f32"] * 6, ("sm_80", 512): ["f32.bf16.bf16.f32"] * 4}
"""Of matrices on tensor cores, what a warp adds in a step, by architecture and units."""


def _ptx(case, form, folder):
    """An architecture, a layer's width, and the PTX of a module of it."""
    gpu, units, dtype = case
    target = resolve_target("cuda", target_gpu=gpu)
    layer = LSTM(units, return_sequences=True, dtype=dtype)
    layer.build((None, None, 16))
    module = layer_level(model_of(layer))
    scans = lower(module, form=form, kernels=kernel_options(target))
    assert [scan["form"] for scan in scans] == ["cooperative" if form == "auto" else form]
    source = emit_bytecode(module.module, module.weights, None, target.attribute)
    assert compile_bytecode(source, [*target.flags(), f"--iree-hal-dump-executable-files-to={folder}"])
    (file,) = folder.glob("*.ptx")
    return gpu, units, file.read_text()


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case)))
def ptx(request, tmp_path_factory):
    """What the persistent form gives."""
    return _ptx(request.param, "persistent", tmp_path_factory.mktemp("executables"))


@pytest.fixture(scope="module", params=COOPERATIVE, ids=lambda case: "-".join(map(str, case)))
def cooperative(request, tmp_path_factory):
    """What a layer that outgrows a multiprocessor gives."""
    return _ptx(request.param, "auto", tmp_path_factory.mktemp("executables"))


def _entries(text):
    return re.findall(r"\.entry (\w+)", text)


def _kernel(text, name="scan0"):
    """The instructions and labels of a scan's entry."""
    found = re.search(rf"\.entry {name}\(.*?^\}}", text, re.DOTALL | re.MULTILINE)
    return [line.strip() for line in found.group(0).splitlines()]


def _spans(lines):
    """From each label to the last jump back to it."""
    labels = {line[:-1]: n for n, line in enumerate(lines) if re.fullmatch(r"\$\w+:", line)}
    jumps = [(n, re.search(r"bra(?:\.uni)?\s+(\$\w+)", line)) for n, line in enumerate(lines)]
    back = {jump.group(1): n for n, jump in jumps if jump and labels[jump.group(1)] < n}
    return [(labels[label], n) for label, n in back.items()]


def _waits(lines):
    return sum("bar.sync" in line for line in lines)


def _time_loop(lines):
    """The innermost loop in which threads wait for each other."""
    return min((lines[first:last] for first, last in _spans(lines) if _waits(lines[first:last])), key=len)


def _time_loops(lines):
    """The outermost loops in which threads wait for each other, whatever lies where in them."""
    loops = []
    for first, last in sorted(_spans(lines)):
        if loops and first <= loops[-1][1]:
            loops[-1][1] = max(last, loops[-1][1])
        else:
            loops.append([first, last])
    return [lines[first:last] for first, last in loops if _waits(lines[first:last])]


def test_it_is_for_the_architecture_that_is_named(ptx):
    gpu, _, text = ptx
    assert f".target {gpu}" in text


def test_a_sequence_is_one_launch(ptx):
    """One entry for the scan, with and without a mask, and one for the projection of all steps: none for a step."""
    _, _, text = ptx
    assert [name for name in _entries(text) if "scan" in name] == ["scan0"]
    assert len(_entries(text)) == 2
    assert 1 <= _waits(_time_loop(_kernel(text))) <= 2


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
    if units < 200:
        assert before >= 64
        assert loads <= 8
    else:
        assert before < 16 < loads


def test_sums_are_fused_multiply_adds_in_float32(ptx):
    lines = _kernel(ptx[2])
    assert sum("fma.rn.f32" in line for line in lines) > 16
    assert not any(re.match(r"fma\.rn\.f16", line) for line in lines)


def test_a_wide_layer_is_one_launch_too(cooperative):
    gpu, _, text = cooperative
    assert f".target {gpu}" in text
    assert [name for name in _entries(text) if "scan" in name] == ["scan0"]
    assert len(_entries(text)) == 2
    assert [line for line in _kernel(text) if ".local" in line or re.match(r"call", line)] == []


def test_h_is_handed_on_past_the_first_level_cache(cooperative):
    """In relaxed loads and stores; the atomic changes are those of the census, before the loops."""
    lines = _kernel(cooperative[2])
    assert sum(line.startswith("atom.") for line in lines) == 3
    for time_loop in _time_loops(lines):
        assert sum(line.startswith("ld.relaxed.sys.global") for line in time_loop) >= 8
        assert sum(line.startswith("st.relaxed.sys.global") for line in time_loop) >= 1
        assert not any(line.startswith(("atom.", "fence", "membar")) for line in time_loop)


def test_a_workgroup_that_has_one_slice_keeps_its_weights(cooperative):
    """In its loop over time are loads of the projection, states and the mask only. Who has more reads them again."""
    alone, several = _time_loops(_kernel(cooperative[2]))
    assert _waits(alone) == _waits(several) == 4
    loads = [
        sum(re.search(r"ld\.global|load\.b\.\S*m16n16k16\.global", line) is not None for line in loop)
        for loop in (alone, several)
    ]
    assert loads[0] <= 10
    assert loads[1] > loads[0]


def test_half_types_are_multiplied_on_tensor_cores(cooperative):
    """Float16 and bfloat16, summed in float32: all matrices of a warp's part, in both loops."""
    gpu, units, text = cooperative
    products = [re.findall(r"mma\.sync\.\S*m16n16k16\.(\S*)", "\n".join(loop)) for loop in _time_loops(_kernel(text))]
    assert products == [PRODUCTS[gpu, units]] * 2


def test_an_open_batch_has_a_kernel_on_tensor_cores_for_many_rows(tmp_path):
    """Beside one for few rows; both keep their weights, and threads meet twice a step."""
    _, _, text = _ptx(("sm_80", 64, "float16"), "persistent", tmp_path)
    assert sorted(name for name in _entries(text) if "scan" in name) == ["scan0", "scan1"]
    loops = [_time_loop(_kernel(text, name)) for name in ("scan0", "scan1")]
    assert [sum("wmma.mma.sync" in line for line in loop) for loop in loops] == [4, 0]
    assert _waits(loops[0]) == 2
    assert sum("ld.global" in line for line in loops[0]) <= 10


def test_options_follow_the_architecture():
    memory = {gpu: kernel_options(resolve_target("cuda", target_gpu=gpu)).memory for gpu in ("sm_60", "sm_80", "sm_89")}
    assert np.all(np.diff([memory["sm_60"], memory["sm_89"], memory["sm_80"]]) > 0)
