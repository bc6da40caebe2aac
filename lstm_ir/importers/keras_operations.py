"""Operations on tensors in a graph (`x + y`, `2 * x`, `x[:, -1]`, `keras.ops.maximum(x, y)`) as layers.

Keras 3 lists an operation by its class, as it lists a layer, but without a dtype; Keras 2 wraps a TensorFlow function
in a layer of class TFOpLambda, or SlicingOpLambda. None hands a mask on. An operation that a merging layer, `Affine` or
`GetItem` computes exactly becomes one, others are refused by name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lstm_ir.errors import UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry
from lstm_ir.importers.keras_nodes import NodeCall, TensorRef
from lstm_ir.importers.keras_writer import KerasWriter
from lstm_ir.layers import Add, Affine, Concatenate, GetItem, Layer, Maximum, Minimum, Multiply, Subtract

WRAPPERS = ("TFOpLambda", "SlicingOpLambda")
"""The layers of Keras 2 that are a function of TensorFlow's."""
_MERGES: Mapping[str, type[Layer]] = {
    "Add": Add,
    "Subtract": Subtract,
    "Multiply": Multiply,
    "Maximum": Maximum,
    "Minimum": Minimum,
    "Concatenate": Concatenate,
}
OPERATIONS = (*_MERGES, "TrueDivide", "Negative", "GetItem")
"""The operations of Keras 3 that are read."""
_TENSORFLOW = {
    **dict.fromkeys(("__operators__.add", "math.add"), "Add"),
    **dict.fromkeys(("__operators__.sub", "math.subtract"), "Subtract"),
    **dict.fromkeys(("__operators__.mul", "math.multiply"), "Multiply"),
    "math.truediv": "TrueDivide",
    "math.negative": "Negative",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "concat": "Concatenate",
    "__operators__.getitem": "GetItem",
}
TENSORFLOW_FUNCTIONS = frozenset(_TENSORFLOW)
"""The functions of `WRAPPERS` that are read."""
_LARGEST = 1e30
"""Numbers below it are numbers in every dtype, or become infinite as they do in Keras."""
_FARTHEST = 2**31
"""No axis is longer."""
_ACCEPTED = (
    "accepted: +, -, *, maximum, minimum and concatenate of tensors of one rank, +, -, * and / with a number, "
    "and parts as in x[:, -1]; write others as Keras layers"
)


def is_operation(entry: LayerEntry) -> bool:
    """Whether an entry is an operation on tensors and not a layer."""
    return entry.class_name in WRAPPERS or (
        entry.class_name in OPERATIONS and not {"dtype", "trainable"} & entry.config.keys()
    )


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
    wrapped = entry.class_name in WRAPPERS
    function = entry.config.get("function") if wrapped else entry.class_name
    kind = _TENSORFLOW.get(str(function)) if wrapped else entry.class_name
    what = f"{source}: layer {entry.name!r} ({entry.class_name} {function})"
    options: dict[str, Any] = {"name": entry.name, "flavour": writer.flavour}
    if kind is None:
        raise UnsupportedError(f"{what} is not supported; {_ACCEPTED}")
    if kind == "GetItem":
        return _part(call, what, rank_of, options)
    operands, axis = _operands(call)
    refs = [value for value in operands if isinstance(value, TensorRef)]
    if kind == "Concatenate" and len(refs) == len(operands) > 0:
        options["axis"] = axis if wrapped else entry.config.get("axis", axis)
        if type(options["axis"]) is not int:
            raise UnsupportedError(f"{what} has axis {options['axis']!r:.60}; accepted: an integer")
    elif len(refs) == 1:
        return Affine(*_affine(kind, operands, what), **options), refs
    elif len(operands) != 2 or kind not in _MERGES or kind == "Concatenate":
        raise UnsupportedError(f"{what} is called on {len(refs)} tensors; {_ACCEPTED}")
    if len({rank_of(ref) for ref in refs}) != 1:
        raise UnsupportedError(f"{what} is called on tensors of different ranks; {_ACCEPTED}")
    return _MERGES[kind](carries_mask=False, **options), refs


def _operands(call: NodeCall) -> tuple[list[Any], Any]:
    """The operands of a call, by position or by name, and its axis."""
    values = list(call.args)
    keywords = {key: value for key, value in call.kwargs.items() if key != "name"}
    axis = keywords.pop("axis", None)
    if len(values) == 2 and isinstance(values[0], tuple) and not isinstance(values[1], (TensorRef, tuple)):
        axis = values.pop()  # of a concatenation
    values += keywords.values()
    flat: list[Any] = []
    for value in values:
        flat += value if isinstance(value, tuple) else [value]
    return flat, axis


def _affine(kind: str, operands: list[Any], what: str) -> tuple[float, float]:
    """Factor and offset of an operation of one tensor, with a number where there are two operands."""
    numbers = [value for value in operands if type(value) in (int, float) and abs(value) < _LARGEST]
    if len(operands) == 2 and len(numbers) == 1:
        number, is_first = float(numbers[0]), not isinstance(operands[0], TensorRef)
        match kind:
            case "Add":
                return 1.0, number
            case "Subtract":
                return (-1.0, number) if is_first else (1.0, -number)
            case "Multiply":
                return number, 0.0
            case "TrueDivide" if not is_first and abs(number) > 1.0 / _LARGEST:
                return 1.0 / number, 0.0
    elif len(operands) == 1 and kind == "Negative":
        return -1.0, 0.0
    raise UnsupportedError(f"{what} is called on something that is no tensor; {_ACCEPTED}")


def _part(
    call: NodeCall, what: str, rank_of: Callable[[TensorRef], int], options: dict[str, Any]
) -> tuple[Layer, list[TensorRef]]:
    """`x[key]`, the key a tuple of integers, slices and one ellipsis."""
    key = call.kwargs.get("slice_spec", call.args[1] if len(call.args) > 1 else None)
    ref = call.args[0]
    items = list(key) if isinstance(key, (list, tuple)) else [key]
    refusal = UnsupportedError(f"{what} takes a part that cannot be compiled; {_ACCEPTED}")
    if not isinstance(ref, TensorRef) or len(call.args) > 2:
        raise refusal
    places = [_place(item, refusal) for item in items]
    if ... in places:
        position = places.index(...)
        filler = [None] * (rank_of(ref) - len(places) + 1)
        places[position : position + 1] = filler
    if ... in places or not places or places[0] is not None:
        raise refusal
    return GetItem(places[1:], **options), [ref]


def _place(item: Any, refusal: UnsupportedError) -> Any:
    """What is taken of one axis: None for all of it, an integer, a pair of ends; or an ellipsis."""
    if type(item) is int and abs(item) < _FARTHEST:
        return item
    if isinstance(item, Mapping):
        if item.get("class_name") == "__ellipsis__":
            return ...
        ends = item.get("config") if item.get("class_name") == "__slice__" else item
        if isinstance(ends, Mapping) and ends.keys() == {"start", "stop", "step"} and ends["step"] in (None, 1):
            pair = [ends["start"], ends["stop"]]
            if pair == [None, None]:
                return None
            if all(end is None or (type(end) is int and abs(end) < _FARTHEST) for end in pair):
                return pair
    raise refusal
