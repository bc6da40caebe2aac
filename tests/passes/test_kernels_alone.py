"""What IREE need not do for modules of kernels: which modules those are, and that it comes to the same."""

import re
from collections import Counter

import pytest

import lstm_ir
from lstm_ir.compiler import kernel_options, layer_level, lower, model_of
from lstm_ir.layers import Dense, Layer, Sequential
from lstm_ir.passes.emission import emit_bytecode
from lstm_ir.passes.in_place_entry import add_in_place_entries
from lstm_ir.passes.iree_session import CpuTarget, ir_after, resolve_cpu
from lstm_ir.passes.kernels_alone import SHORTCUTS, calls_no_library, runs_kernels_alone


@pytest.fixture(scope="module")
def target() -> CpuTarget:
    return resolve_cpu("x86-64-v3")


def lowered(layer: Layer | Sequential, target: CpuTarget, *, form: str = "auto"):
    layer.build((None, None, 12))
    module = layer_level(model_of(layer))
    lower(module, form=form, kernels=kernel_options(target))
    add_in_place_entries(module.module, module.interface)
    return module


@pytest.mark.parametrize("form", ["persistent", "cooperative"])
def test_a_layer_is_kernels_alone(form, target):
    module = lowered(lstm_ir.LSTM(20), target, form=form).module
    assert runs_kernels_alone(module)
    assert calls_no_library(module)


def test_a_layer_that_iree_computes_is_not(target):
    assert not runs_kernels_alone(lowered(Sequential([lstm_ir.LSTM(8), Dense(4)]), target).module)


def test_a_loop_on_the_host_is_not(target):
    assert not runs_kernels_alone(lowered(lstm_ir.LSTM(8), target, form="loop").module)


def test_exponentials_of_doubles_call_a_library(target):
    assert not calls_no_library(lowered(lstm_ir.LSTM(8, dtype="float64"), target).module)


@pytest.mark.parametrize("layers", ["one", "two", "two kernels"])
def test_the_pipeline_comes_to_what_irees_phases_do(layers, target):
    built = {
        "one": lambda: lstm_ir.LSTM(20, return_sequences=True, return_state=True),
        "two": lambda: Sequential([lstm_ir.LSTM(20, return_sequences=True), lstm_ir.LSTM(8)]),
        "two kernels": lambda: lstm_ir.LSTM(256, return_sequences=True),
    }[layers]()
    module = lowered(built, target)
    flags = target.flags()
    phase = "executable-sources"
    usual = ir_after(phase, emit_bytecode(module.module, module.weights), flags)
    short = ir_after(phase, emit_bytecode(module.module, module.weights, keep_globals=True), flags, SHORTCUTS)
    assert work(short) == work(usual)


def work(ir: str) -> Counter[str]:
    """Return how often each op occurs that runs, allocates or waits."""
    names = Counter(re.findall(r"\b(?:hal|stream|memref|vector|scf|cf|util)\.[a-z_.]*[a-z]\b", ir))
    assert names["stream.cmd.dispatch"] > 0
    return names
