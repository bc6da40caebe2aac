"""The masks in a Keras 3 graph: that those it writes out are those which its layers carry.

Keras 3 writes the computation of a mask into the graph, as operations (NotEqual, Any, ...), and hands the result to
layers with a `mask` keyword. Masks are carried by the layers themselves here; so the operations are followed as
expressions, each mask that a layer is handed is compared with the one that its input carries, and they are dropped.
"""

from collections.abc import Sequence
from typing import Any

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry
from lstm_ir.importers.keras_nodes import NodeCall
from lstm_ir.layers import Concatenate, Embedding, Layer, Masking, Merge

Expression = tuple[Any, ...]
"""A computation of tensors by their names: ("not_equal", "x", 0) or ("any", ("not_equal", "x", 0.0))."""

_WITH_DTYPE = ("ZerosLike", "OnesLike", "ConvertToTensor")  # of their own, which is no policy
MASK_OPERATIONS = ("NotEqual", "Any", "LogicalOr", "ExpandDims", "Concatenate", *_WITH_DTYPE)


def is_mask_operation(entry: LayerEntry) -> bool:
    """Whether an entry is an operation and not a layer: operations have no dtype, in `.h5` files no module either."""
    return entry.class_name in MASK_OPERATIONS and "dtype" not in _settings(entry) and "trainable" not in entry.config


def _settings(entry: LayerEntry) -> dict[str, Any]:
    return {} if entry.class_name in _WITH_DTYPE else dict(entry.config)


def operation(entry: LayerEntry, call: NodeCall, operands: Sequence[Any], source: str) -> Expression:
    """The expression of one operation.

    Args:
        entry: The operation.
        call: Its call.
        operands: What it is called on, in order: expressions, tensors' names, or plain values.
        source: The file, for messages.

    Raises:
        ModelFileError: There are no operands.
        UnsupportedError: An operation with settings that masks do not have.
    """
    config = entry.config
    values = tuple(operands)
    if not values:
        raise ModelFileError(f"{source}: {entry} is called on nothing")
    match entry.class_name:
        case "NotEqual":
            return ("not_equal", *values)
        case "Any" if config.get("axis") in (-1, [-1]) and not config.get("keepdims"):
            return ("any", *values)
        case "LogicalOr":
            return ("or", *values)
        case "ExpandDims" if config.get("axis") in (-1, [-1]):
            return ("expand", *values)
        case "ZerosLike":
            return ("zeros", values[0])
        case "OnesLike":
            return ("ones", values[0])
        case "Concatenate":
            return ("concatenate", config.get("axis", -1), *values)
        case "ConvertToTensor" if isinstance(values[0], tuple) and config.get("dtype") is None:
            return values[0]
    raise UnsupportedError(f"{source}: {entry} with these settings is not supported")


def carried(layer: Layer, inputs: Sequence[str], masks: Sequence[Any]) -> Expression | None:
    """The mask of a layer's first output as Keras 3 computes it.

    Args:
        layer: The layer.
        inputs: The names of the tensors that it is called on.
        masks: Their masks.
    """
    if isinstance(layer, Masking):
        return ("any", ("not_equal", inputs[0], layer.mask_value))
    if isinstance(layer, Embedding):
        return ("not_equal", inputs[0], 0) if layer.mask_zero else None
    if layer.mask_rule == "drop":
        return None
    if isinstance(layer, Concatenate):
        return _concatenated(layer, inputs, masks)
    if isinstance(layer, Merge):
        if any(mask is None for mask in masks):
            return None
        result = masks[0]
        for mask in masks[1:]:
            result = ("or", result, mask)
        return result  # type: ignore[no-any-return]  # a mask is an expression
    return masks[0] if layer.mask_rule == "carry" else None


def _concatenated(layer: Concatenate, inputs: Sequence[str], masks: Sequence[Any]) -> Expression | None:
    if all(mask is None for mask in masks):
        return None
    parts = [
        ("ones", x) if mask is None else ("or", ("expand", mask), ("zeros", x))
        for x, mask in zip(inputs, masks, strict=True)
    ]
    return ("any", ("concatenate", layer.axis, *parts))
