"""Operations on tensors in the graphs of both Keras: those that become layers, and those that are refused by name."""

from typing import Any

import numpy as np
import pytest

from lstm_ir.errors import UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry
from lstm_ir.importers.keras_nodes import calls_of
from lstm_ir.importers.keras_operations import is_operation, read_operation
from lstm_ir.importers.keras_writer import KerasWriter
from lstm_ir.layers import InputLayer, Sequential
from lstm_ir.reference import run_model

WRITERS = {2: KerasWriter("2.21.0", "keras2"), 3: KerasWriter("3.15.1", "keras3")}
X = np.random.default_rng(2).standard_normal((2, 5, 4)).astype(np.float32)
ALL = {"start": None, "stop": None, "step": None}


def keras2(function: str, *operands: Any, **keywords: Any) -> tuple[LayerEntry, int]:
    class_name = "SlicingOpLambda" if "getitem" in function else "TFOpLambda"
    config = {"name": "op", "trainable": True, "dtype": "float32", "function": function}
    node = [*(operands[0] if operands else ["x", 0, 0]), {**keywords, "name": None}]
    return LayerEntry("op", class_name, config, [node]), 2


def keras3(class_name: str, *operands: Any) -> tuple[LayerEntry, int]:
    node = {"args": list(operands), "kwargs": {}}
    return LayerEntry("op", class_name, {"name": "op"}, [node]), 3


def tensor(name: str = "x") -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}


def cut(start: Any = None, stop: Any = None, step: Any = None) -> dict[str, Any]:
    return {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}


def read(entry: LayerEntry, version: int) -> Any:
    assert is_operation(entry)
    (call,) = calls_of(entry, "here")
    return read_operation(entry, call, WRITERS[version], lambda _: 3, "here")


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (keras2("math.multiply", y=0.5), X * 0.5),
        (keras2("math.subtract", ["_CONSTANT_VALUE", -1, 1.0], y=["x", 0, 0]), 1 - X),
        (keras2("math.truediv", y=4), X / 4),
        (keras2("math.negative"), -X),
        (keras2("__operators__.getitem", slice_spec=[ALL, -1]), X[:, -1]),
        (keras2("__operators__.getitem", slice_spec=[{"class_name": "__ellipsis__"}, 0]), X[..., 0]),
        (keras3("Add", 2, tensor()), X + 2),
        (keras3("Subtract", tensor(), 3.0), X - 3),
        (keras3("TrueDivide", tensor(), 2), X / 2),
        (keras3("GetItem", tensor(), [cut(), cut(1, 3), cut(-2)]), X[:, 1:3, -2:]),
        (keras3("GetItem", tensor(), [cut(), 0, 1]), X[:, 0, 1]),
    ],
)
def test_one_tensor(operation: tuple[LayerEntry, int], expected: np.ndarray):
    layer, (ref,) = read(*operation)
    assert ref.layer == "x"
    model = Sequential([InputLayer((None, 5, 4)), layer])
    np.testing.assert_allclose(run_model(model, X).outputs[0], expected, rtol=1e-6)
    assert type(layer).from_config(layer.get_config(), flavour=layer.flavour).get_config() == layer.get_config()


def test_two_tensors():
    for operation in (keras2("math.maximum", y=["y", 0, 0]), keras3("Maximum", tensor(), tensor("y"))):
        layer, refs = read(*operation)
        assert (layer.keras_class_name, layer.mask_rule) == ("Maximum", "drop")
        assert [ref.layer for ref in refs] == ["x", "y"]
    entry, _ = keras3("Concatenate", [tensor(), tensor("y")])
    layer, refs = read(LayerEntry("op", "Concatenate", {"name": "op", "axis": 1}, entry.inbound_nodes), 3)
    assert (layer.axis, layer.mask_rule, len(refs)) == (1, "drop", 2)


@pytest.mark.parametrize(
    "operation",
    [
        keras2("math.pow", y=2),
        keras2("math.reduce_mean", axis=1),
        keras2("math.truediv", ["_CONSTANT_VALUE", -1, 1.0], y=["x", 0, 0]),
        keras2("math.truediv", y=0),
        keras2("math.maximum", y=0.5),
        keras2("__operators__.getitem", slice_spec=[ALL, {**ALL, "step": 2}]),
        keras2("__operators__.getitem", slice_spec=[0]),
        keras2("__operators__.getitem", slice_spec=[ALL, ["y", 0, 0]]),
        keras3("Multiply", tensor(), [[1.0, 2.0]]),
        keras3("Multiply", tensor(), True),
        keras3("GetItem", tensor(), [cut(), None]),
        keras3("GetItem", tensor(), -1),
        keras3("GetItem", tensor(), [cut(), 10**30]),
        keras3("GetItem", tensor(), [cut(), cut(0, 10**30)]),
        keras3("Add", tensor(), 10**400),
        keras3("Multiply", tensor(), float("nan")),
        keras3("TrueDivide", tensor(), 1e-320),
    ],
)
def test_refused(operation: tuple[LayerEntry, int]):
    with pytest.raises(UnsupportedError, match=r"^here: layer 'op' \(.*accepted: ") as caught:
        read(*operation)
    assert "\n" not in str(caught.value)
