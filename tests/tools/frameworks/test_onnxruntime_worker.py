"""ONNX Runtime is handed inputs in the types that a model declares."""

import numpy as np
import pytest

from lstm_ir.tools.frameworks.exchange import Question
from lstm_ir.tools.frameworks.onnxruntime_worker import OnnxRuntimeModel

pytest.importorskip("onnxruntime")
helper = pytest.importorskip("onnx.helper")


@pytest.mark.parametrize("kind", ["FLOAT", "INT32", "INT64", "BOOL"])
def test_inputs_are_of_the_declared_type(tmp_path, kind):
    number = helper.np_dtype_to_tensor_dtype(np.dtype(np.float32))
    given = helper.make_tensor_value_info("x", getattr(helper.TensorProto, kind), ["n"])
    made = helper.make_tensor_value_info("y", number, ["n"])
    graph = helper.make_graph([helper.make_node("Cast", ["x"], ["y"], to=number)], "g", [given], [made])
    path = tmp_path / "model.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    question = Question({"x": np.array([0, 1, 1], np.int32)}, {}, {})
    (y,) = OnnxRuntimeModel(path).answer(question).outputs
    np.testing.assert_array_equal(y, [0, 1, 1])
