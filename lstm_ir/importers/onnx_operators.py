"""All operators of ONNX that are read, by their names."""

from collections.abc import Callable, Mapping

from lstm_ir.importers.onnx_elementwise import ELEMENTWISE
from lstm_ir.importers.onnx_gru import read_gru, read_rnn
from lstm_ir.importers.onnx_linear import LINEAR
from lstm_ir.importers.onnx_lstm import read_lstm
from lstm_ir.importers.onnx_node import Node
from lstm_ir.importers.onnx_shapes import SHAPES
from lstm_ir.importers.onnx_sorting import SORTING
from lstm_ir.importers.onnx_windows import WINDOWS
from lstm_ir.layers.program import Tensor

Reader = Callable[[Node], list[Tensor]]
"""Reads a node; returns its outputs."""

OPERATORS: Mapping[str, Reader] = {
    **ELEMENTWISE,
    **LINEAR,
    **SHAPES,
    **SORTING,
    **WINDOWS,
    "LSTM": read_lstm,
    "GRU": read_gru,
    "RNN": read_rnn,
}
"""What reads a node of each operator; those with graphs inside are read in `onnx_model`."""
