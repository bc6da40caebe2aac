"""The build functions of all layers, one module a family; importing this package registers them."""

from lstm_ir.passes.layer_builders import (
    activation_layers,
    attention,
    core,
    embedding,
    folded_steps,
    merging,
    normalization,
    pooling,
    program,
    recurrent,
    reshaping,
    stacking,
    tensor_operations,
    windows,
    wrappers,
)

__all__ = [
    "activation_layers",
    "attention",
    "core",
    "embedding",
    "folded_steps",
    "merging",
    "normalization",
    "pooling",
    "program",
    "recurrent",
    "reshaping",
    "stacking",
    "tensor_operations",
    "windows",
    "wrappers",
]
