"""All operators of ONNX that are read, by their names."""

from collections.abc import Callable, Mapping

from lstm_ir.importers.onnx_elementwise import ELEMENTWISE
from lstm_ir.importers.onnx_linear import LINEAR
from lstm_ir.importers.onnx_lstm import read_lstm
from lstm_ir.importers.onnx_node import Node
from lstm_ir.importers.onnx_shapes import SHAPES
from lstm_ir.layers.program import Tensor

OPERATORS: Mapping[str, Callable[[Node], list[Tensor]]] = {**ELEMENTWISE, **LINEAR, **SHAPES, "LSTM": read_lstm}
"""What reads a node of each operator; returns its outputs."""
