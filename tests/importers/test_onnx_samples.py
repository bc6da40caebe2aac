"""ONNX models give what ONNX Runtime computed of them: through the float64 reference, and compiled."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import lstm_ir
from lstm_ir.compiler import compile_artifact
from lstm_ir.importers.onnx_model import onnx_program
from lstm_ir.reference import run_model
from lstm_ir.runtime import ArgumentError

DATA = Path(__file__).parent / "data"
SAMPLES = ["onnx_lstms", "onnx_recurrences", "onnx_choices", "onnx_operators", "onnx_torch_tagger"]
SAMPLES += ["onnx_torch_packed"]
TOLERANCE = 3e-5


def calls_of(name):
    with np.load(DATA / f"{name}.onnx.npz") as file:
        recorded = dict(file)
    for number in sorted({key.split("/")[0] for key in recorded}):
        parts = {
            kind: {
                key.split("/", 2)[2]: value for key, value in recorded.items() if key.startswith(f"{number}/{kind}/")
            }
            for kind in ("in", "out")
        }
        yield parts["in"], parts["out"]


def check(names, outputs, expected):
    assert list(names) == list(expected)
    for name, got in zip(names, outputs, strict=True):
        want = expected[name]
        assert got.shape == want.shape, name
        assert (np.abs(got - want) <= TOLERANCE * np.maximum(1, np.abs(want))).all(), name


@pytest.mark.parametrize("name", SAMPLES)
def test_reference(name):
    model = lstm_ir.read_model(DATA / f"{name}.onnx")
    for inputs, outputs in calls_of(name):
        check(model.output_names, run_model(model, inputs).outputs, outputs)


@pytest.mark.parametrize("name", SAMPLES)
def test_compiled(name):
    """One artifact for all batches and lengths; inputs and outputs have ONNX's names."""
    module = lstm_ir.compile(DATA / f"{name}.onnx")
    assert not module.states
    for inputs, outputs in calls_of(name):
        assert [spec.name for spec in module.inputs] == list(inputs)
        for _ in range(3):  # later calls take the runtime's short way
            check([spec.name for spec in module.outputs], module(inputs), outputs)
    if name == "onnx_operators":
        for dtype, wrong in (("int64", 7), ("int32", -8), ("int64", 2**40)):  # 7 rows, counted from either end
            with pytest.raises(ArgumentError, match=rf"got {wrong}$"):
                module({**inputs, "ids": np.where(inputs["ids"] == inputs["ids"].max(), wrong, 0).astype(dtype)})


def test_a_dispatch_a_step_from_zeros_of_any_batch():
    """Two nodes one after the other: IREE 3.13 fails where later steps are handed the zeros that they start from."""
    module = lstm_ir.compile(DATA / "onnx_torch_tagger.onnx", form="loop")
    for inputs, outputs in calls_of("onnx_torch_tagger"):
        check([spec.name for spec in module.outputs], module(inputs), outputs)


def node_tests():
    """The operators' tests in ONNX's own backend suite, made when their modules are imported."""
    suite = importlib.import_module("onnx.backend.test.case.node")
    for name in ("lstm", "gru", "rnn"):
        importlib.import_module(f"onnx.backend.test.case.node.{name}")
    return [case for case in suite._NodeTestCases if case.name.startswith(("test_lstm", "test_gru", "test_simple_rnn"))]


ALL_NODE_TESTS = node_tests()
NODE_TESTS = [case for case in ALL_NODE_TESTS if case.name.startswith("test_lstm")]


def test_the_suite_has_these_tests():
    assert len(NODE_TESTS) >= 6
    assert len(ALL_NODE_TESTS) >= 17


@pytest.mark.parametrize("case", ALL_NODE_TESTS, ids=lambda case: case.name)
def test_node(case):
    check_node(case, "cpu")


@pytest.mark.parametrize("case", NODE_TESTS, ids=lambda case: case.name)
def test_node_on_vulkan(vulkan, case):
    check_node(case, "vulkan")


def test_weights_that_are_inputs_are_not_packed_for_gpus():
    case = NODE_TESTS[0]
    scan = compile_artifact(onnx_program(case.model, case.name), "vulkan").description["scans"][0]
    assert scan["form"] == "loop"
    assert "weights are computed at run time" in scan["reason"]


def check_node(case, target):
    """Weights are inputs in these models."""
    module = lstm_ir.compile(onnx_program(case.model, case.name), target)
    for inputs, expected in case.data_sets:
        result = module(*inputs)
        outputs = result if isinstance(result, list) else [result]
        for got, want in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=case.rtol, atol=case.atol)
