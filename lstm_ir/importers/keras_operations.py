"""Operations on tensors in a graph (`x + y`, `keras.ops.maximum(x, y)`) as the merging layers that compute the same.

Keras 3 lists an operation by its class, as it lists a layer, but without a dtype; Keras 2 wraps a TensorFlow function
in a layer of class TFOpLambda. Neither hands a mask on. An operation that is exactly a merging layer becomes one,
others are refused by name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lstm_ir.errors import UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry
from lstm_ir.importers.keras_nodes import NodeCall, TensorRef
from lstm_ir.importers.keras_writer import KerasWriter
from lstm_ir.layers import Add, Concatenate, Layer, Maximum, Minimum, Multiply, Subtract

_KERAS3: Mapping[str, type[Layer]] = {cls.keras_class_name: cls for cls in (Add, Subtract, Multiply, Maximum, Minimum)}
_TENSORFLOW: Mapping[str, type[Layer]] = {
    **dict.fromkeys(("__operators__.add", "math.add"), Add),
    **dict.fromkeys(("__operators__.sub", "math.subtract"), Subtract),
    **dict.fromkeys(("__operators__.mul", "math.multiply"), Multiply),
    "math.maximum": Maximum,
    "math.minimum": Minimum,
    "concat": Concatenate,
}
TENSORFLOW_FUNCTIONS = frozenset(_TENSORFLOW)
"""The functions of TFOpLambda that are read."""
_ACCEPTED = (
    "accepted: +, -, *, maximum, minimum and concatenate of two tensors of one rank; write others as Keras layers"
)


def is_operation(entry: LayerEntry) -> bool:
    """Whether an entry is an operation on tensors and not a layer."""
    if entry.class_name == "TFOpLambda":
        return True
    known = entry.class_name in _KERAS3 or entry.class_name == "Concatenate"
    return known and not {"dtype", "trainable"} & entry.config.keys()


def read_operation(
    entry: LayerEntry, call: NodeCall, writer: KerasWriter, rank_of: Callable[[TensorRef], int], source: str
) -> tuple[Layer, list[TensorRef]]:
    """One call of an operation as a layer, and the tensors that it is called on.

    Args:
        entry: The operation.
        call: Its call.
        writer: The Keras that wrote it.
        rank_of: The number of axes of a tensor.
        source: The file, for messages.

    Raises:
        UnsupportedError: No layer computes the same.
    """
    function = entry.config.get("function") if entry.class_name == "TFOpLambda" else entry.class_name
    table = _TENSORFLOW if entry.class_name == "TFOpLambda" else {**_KERAS3, "Concatenate": Concatenate}
    made = table.get(str(function))
    what = f"{source}: layer {entry.name!r} ({entry.class_name} {function})"
    if made is None:
        raise UnsupportedError(f"{what} is not supported; {_ACCEPTED}")
    operands, axis = _operands(call)
    refs = [value for value in operands if isinstance(value, TensorRef)]
    if len(refs) < 2 or len(refs) != len(operands) or (made is not Concatenate and len(refs) != 2):
        raise UnsupportedError(f"{what} is called on something that is no tensor; {_ACCEPTED}")
    if len({rank_of(ref) for ref in refs}) != 1:
        raise UnsupportedError(f"{what} is called on tensors of different ranks; {_ACCEPTED}")
    options: dict[str, Any] = {"name": entry.name, "carries_mask": False, "flavour": writer.flavour}
    if made is Concatenate:
        axis = entry.config.get("axis", axis) if entry.class_name != "TFOpLambda" else axis
        if type(axis) is not int:
            raise UnsupportedError(f"{what} has axis {axis!r:.60}; accepted: an integer")
        options["axis"] = axis
    return made(**options), refs


def _operands(call: NodeCall) -> tuple[list[Any], Any]:
    """The operands of a call, by position or by name, and its axis."""
    values = list(call.args)
    keywords = dict(call.kwargs)
    axis = keywords.pop("axis", None)
    keywords.pop("name", None)
    if len(values) == 2 and isinstance(values[0], tuple) and not isinstance(values[1], (TensorRef, tuple)):
        axis = values.pop()  # of a concatenation
    values += keywords.values()
    flat: list[Any] = []
    for value in values:
        flat += value if isinstance(value, tuple) else [value]
    return flat, axis
