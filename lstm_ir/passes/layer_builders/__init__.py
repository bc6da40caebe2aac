"""The build functions of all layers, one module a family; importing this package registers them."""

from lstm_ir.passes.layer_builders import core, recurrent

__all__ = ["core", "recurrent"]
