"""The float64 references of all layers, one module a family; importing this package registers them."""

from lstm_ir.reference.layers import core, recurrent

__all__ = ["core", "recurrent"]
