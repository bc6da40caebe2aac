"""The calls in a functional model's config, whichever Keras wrote it.

Keras 2 lists a call as `[[source, node, tensor, kwargs], ...]`, Keras 3 as `{"args": ..., "kwargs": ...}` with tensors
as `__keras_tensor__` objects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry


@dataclass(frozen=True)
class TensorRef:
    """One output of one call of a layer."""

    layer: str
    node: int
    index: int


@dataclass(frozen=True)
class NodeCall:
    """How a layer is called: its positional arguments (tensors or plain values) and its keywords.

    Lists are tuples here.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def refs(self) -> Iterator[TensorRef]:
        """All tensors that the call needs."""
        yield from tensors_in(self.args)
        for value in self.kwargs.values():
            yield from tensors_in(value)


def calls_of(entry: LayerEntry, source: str) -> list[NodeCall]:
    """Reads the calls of a layer, in order.

    Raises:
        ModelFileError: They are in neither form.
    """
    nodes = entry.inbound_nodes
    if not isinstance(nodes, list):
        raise ModelFileError(f"{source}: {entry} has no inbound_nodes")
    return [_call(node, entry, source) for node in nodes]


def _call(node: Any, entry: LayerEntry, source: str) -> NodeCall:
    if isinstance(node, Mapping) and "args" not in node and "input_layers" in entry.config:
        return NodeCall(tuple(tensor_ref(value[:3], source) for value in _by_name(node, entry, source)))
    if isinstance(node, Mapping):
        args, kwargs = node.get("args"), node.get("kwargs")
        if not isinstance(args, list) or not isinstance(kwargs, Mapping):
            raise ModelFileError(f"{source}: {entry} has a call without args or kwargs")
        return NodeCall(
            tuple(_keras3_value(a, entry, source) for a in args),
            {k: _keras3_value(v, entry, source) for k, v in kwargs.items()},
        )
    operands: list[Any] = []
    keywords: dict[str, Any] = {}
    for item in _keras2_items(node):
        # Keras 2 writes a plain value in the place of the first tensor so.
        is_plain = item[0] == "_CONSTANT_VALUE" and len(item) > 2
        operands.append(item[2] if is_plain else tensor_ref(item[:3], source))
        if len(item) > 3 and isinstance(item[3], Mapping):
            keywords |= item[3]
    if not operands:
        raise ModelFileError(f"{source}: {entry} has a call without tensors")
    return NodeCall(tuple(operands), {key: _keras2_value(value, key, source) for key, value in keywords.items()})


def _by_name(tensors: Mapping[str, Any], entry: LayerEntry, source: str) -> list[Any]:
    """The tensors that a nested model is called on by name, in the order of `refs_in` of its inputs."""
    declared = entry.config["input_layers"]
    if not isinstance(declared, Mapping) or sorted(declared) != sorted(tensors):
        raise UnsupportedError(
            f"{source}: {entry} is called on tensors named {', '.join(map(str, tensors))}; accepted: the names of a "
            "dict that it was made with"
        )
    return [tensors[name] for name in sorted(tensors)]


def _keras2_items(node: Any) -> Iterator[list[Any]]:
    """The `[source, node, tensor, kwargs]` in a call, however deep Keras 2 nested them (initial states are)."""
    if isinstance(node, list):
        if node and isinstance(node[0], str):
            yield node
        else:
            for item in node:
                yield from _keras2_items(item)


def _keras2_value(value: Any, key: str, source: str) -> Any:
    if key in ("mask", "initial_state") and isinstance(value, list):
        if value and isinstance(value[0], str):
            return tensor_ref(value[:3], source)
        return tuple(_keras2_value(item, key, source) for item in value)
    if isinstance(value, list) and [type(item) for item in value] == [str, int, int]:  # an operand of an operation
        return tensor_ref(value, source)
    return value


def _keras3_value(value: Any, entry: LayerEntry, source: str) -> Any:
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        inner = value.get("config")
        return tensor_ref(inner.get("keras_history") if isinstance(inner, Mapping) else None, f"{source}: {entry}")
    if isinstance(value, list):
        return tuple(_keras3_value(v, entry, source) for v in value)
    if isinstance(value, Mapping) and "class_name" not in value and "input_layers" in entry.config:
        return tuple(_keras3_value(v, entry, source) for v in _by_name(value, entry, source))
    return value


def tensors_in(value: Any) -> Iterator[TensorRef]:
    """All tensors in a value, in order."""
    if isinstance(value, TensorRef):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from tensors_in(item)


def refs_in(value: Any, source: str) -> list[TensorRef]:
    """Reads `input_layers` or `output_layers`: one triple, a list of them, or by name; nested lists one by one.

    Raises:
        ModelFileError: It is something else.
    """
    if isinstance(value, Mapping):  # Keras sorts the names of a dict of inputs
        return [ref for name in sorted(value) for ref in refs_in(value[name], source)]
    if not isinstance(value, list):
        raise ModelFileError(f"{source}: its functional config lacks input_layers or output_layers")
    if value and isinstance(value[0], str):
        return [tensor_ref(value, source)]
    refs: list[TensorRef] = []
    for item in value:
        if not isinstance(item, (list, Mapping)):
            raise ModelFileError(f"{source}: {item!r:.80} does not name a tensor; accepted: [layer, node, tensor]")
        refs += refs_in(item, source)
    return refs


def tensor_ref(value: Any, source: str) -> TensorRef:
    """Reads one `[layer, node, tensor]`.

    Raises:
        ModelFileError: It is something else.
    """
    if (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and all(type(v) is int for v in value[1:])
    ):
        return TensorRef(*value)
    raise ModelFileError(f"{source}: {value!r:.80} does not name a tensor; accepted: [layer, node, tensor]")
