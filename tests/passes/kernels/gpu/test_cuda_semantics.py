"""What a layer may be asked for compiles for CUDA, in one launch a scan: all of it in two modules. Read, not run."""

import re

import pytest

from lstm_ir.compiler import model_of
from lstm_ir.layers import LSTM, Bidirectional, InputLayer, Masking, Sequential
from lstm_ir.lowering import kernel_options, layer_level, lower
from lstm_ir.passes.emission import emit_bytecode
from lstm_ir.passes.iree_session import compile_bytecode
from lstm_ir.passes.targets import resolve_target

FEATURES = 16


def _stack():
    """A mask, backwards, hard_sigmoid, without a bias; both directions of a layer that outgrows a multiprocessor."""
    layers = [
        InputLayer((2, None, FEATURES)),
        Masking(0.0),
        LSTM(24, return_sequences=True, go_backwards=True, zero_output_for_mask=True),
        LSTM(24, return_sequences=True, recurrent_activation="hard_sigmoid", activation="relu", use_bias=False),
        Bidirectional(LSTM(256, return_state=True)),
    ]
    model = Sequential(layers)
    model.build()
    return model


def _time_major():
    layer = LSTM(24, time_major=True, return_sequences=True, return_state=True, dtype="mixed_float16")
    layer.build((None, 2, FEATURES))
    return model_of(layer)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The scans, and the PTX, of both models together."""
    target = resolve_target("cuda")
    scans, texts = [], []
    for number, model in enumerate((_stack(), _time_major())):
        folder = tmp_path_factory.mktemp(f"model{number}")
        module = layer_level(model, batch=2)
        scans += lower(module, kernels=kernel_options(target))
        source = emit_bytecode(module.module, module.weights, None, target.attribute)
        assert compile_bytecode(source, [*target.flags(), f"--iree-hal-dump-executable-files-to={folder}"])
        (file,) = folder.glob("*.ptx")
        texts.append(file.read_text())
    return scans, "\n".join(texts)


def test_every_scan_is_one_kernel_and_one_entry(compiled):
    """Each direction of a layer has its own; the entry points with and without a mask share them."""
    scans, text = compiled
    assert [scan["form"] for scan in scans] == ["persistent"] * 2 + ["cooperative"] * 2 + ["persistent"]
    assert [scan["code"] for scan in scans] == ["kernel"] * 5
    assert sorted(re.findall(r"\.entry (scan\d)", text)) == ["scan0", "scan0", "scan1", "scan2", "scan3"]


def test_directions_meet_through_words_of_their_own(compiled):
    """A census each, on the words that its launch is handed."""
    _, text = compiled
    kernels = re.findall(r"\.entry scan\d\(.*?^\}", text, re.DOTALL | re.MULTILINE)
    assert sorted(len(re.findall(r"^\s+atom\.", kernel, re.MULTILINE)) for kernel in kernels) == [0, 0, 0, 3, 3]


def test_nothing_is_called_in_a_kernel(compiled):
    """Neither functions of a library nor memory of a thread's own."""
    _, text = compiled
    for kernel in re.findall(r"\.entry scan\d\(.*?^\}", text, re.DOTALL | re.MULTILINE):
        assert not re.search(r"^\s+call|\.local", kernel, re.MULTILINE)
