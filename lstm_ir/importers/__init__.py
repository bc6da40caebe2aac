"""Importers: Keras model files and live Keras objects, weights of PyTorch's nn.LSTM, as layer descriptions."""

from lstm_ir.importers.live_keras import from_keras, is_keras
from lstm_ir.importers.model_file import read_model
from lstm_ir.importers.torch_source import from_torch, is_torch_file, is_torch_module

__all__ = ["from_keras", "from_torch", "is_keras", "is_torch_file", "is_torch_module", "read_model"]
