"""The process that a framework is asked in, and what is said when it cannot be."""

import numpy as np
import pytest

import lstm_ir
from lstm_ir.tools.failures import CommandError, CommandLineError
from lstm_ir.tools.frameworks import choice
from lstm_ir.tools.frameworks.exchange import Answer, Question, Request, Response, read_response, write_response
from lstm_ir.tools.frameworks.process import ask


def test_names_and_types_travel(tmp_path):
    states = {"a/b=c:0": np.arange(3, dtype=np.float64)}
    write_response(tmp_path, Response("X 1", [Answer([np.float32([1]), np.int32([[2]])], states, "why"), Answer(None)]))
    found = read_response(tmp_path)
    assert (found.version, found.reason) == ("X 1", None)
    assert [array.dtype.name for array in found.answers[0].outputs] == ["float32", "int32"]
    np.testing.assert_array_equal(found.answers[0].states["a/b=c:0"], [0, 1, 2])
    assert (found.answers[0].reason, found.answers[1].outputs) == ("why", None)


def test_onnxruntime_in_its_process(data):
    pytest.importorskip("onnxruntime")
    path = data / "onnx_torch_tagger.onnx"
    ids = np.array([[1, 2, 3]], np.int32)
    response = ask(Request("onnxruntime", path, {}, [Question({"ids": ids}), Question({"ids": ids[0]})]))
    assert response.version.startswith("ONNX Runtime 1.")
    right = lstm_ir.read_model(path)
    from lstm_ir.reference import run_model

    np.testing.assert_allclose(response.answers[0].outputs[0], run_model(right, {"ids": ids}).outputs[0], atol=3e-6)
    assert response.answers[1].outputs is None
    assert response.answers[1].reason.startswith("it failed: ")


def test_a_process_that_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONSTARTUP", "")
    response = ask(Request("nobody", tmp_path / "m", {}, []))
    assert response.reason.startswith("it cannot load the model: AssertionError")


def test_choices(data, monkeypatch):
    path = data / "k3_built_by_call.h5"
    model = lstm_ir.read_model(path)
    assert choice.choose(model, path, "reference", None, False) == choice.Choice(None)
    with pytest.raises(CommandLineError, match="--against: got torch, but MODEL is one of keras3"):
        choice.choose(model, path, "torch", None, False)
    monkeypatch.setattr(choice, "find_spec", lambda _: None)
    monkeypatch.setattr(choice, "_major", lambda _: None)
    fallen = choice.choose(model, path, "auto", None, False)
    assert fallen.framework is None
    assert fallen.reason == "keras was not asked: Keras 3 is not installed (package keras)"
    with pytest.raises(CommandError, match="--against keras: Keras 3 is not installed"):
        choice.choose(model, path, "keras", None, False)
    for name, missing in (
        ("k2_stacked.keras", "Keras 2"),
        ("onnx_lstms.onnx", "ONNX Runtime"),
        ("torch_stack.pt", "PyT"),
    ):
        other = lstm_ir.read_model(data / name)
        assert missing in choice.choose(other, data / name, "auto", None, False).reason
