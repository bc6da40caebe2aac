"""The float64 references of all layers, one module a family; importing this package registers them."""

from lstm_ir.reference.layers import activation_layers, attention, core, features, program, recurrent, tensors

__all__ = ["activation_layers", "attention", "core", "features", "program", "recurrent", "tensors"]
