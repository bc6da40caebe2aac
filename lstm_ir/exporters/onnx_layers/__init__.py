"""What each kind of layer is in ONNX; importing this registers all of them."""

from lstm_ir.exporters.onnx_layers import activation_layers, attention, core, features, program, recurrent, tensors

__all__ = ["activation_layers", "attention", "core", "features", "program", "recurrent", "tensors"]
