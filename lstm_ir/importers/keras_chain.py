"""A functional model's graph as the chain of layers that it is, or a refusal naming what is not a chain.

Keras 2 lists a call as `[[source, node, tensor, kwargs], ...]`, Keras 3 as `{"args": ..., "kwargs": ...}` with tensors
as `__keras_tensor__` objects. Keras 3 also writes the mask of a Masking layer out, as two operations (NotEqual, Any)
and a `mask` keyword of the layers that receive it; here they are checked to be that layer's mask and dropped, because
a chain carries its mask along by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.keras_config import LayerEntry, accepted_classes
from lstm_ir.layers import LAYER_CLASSES

MASK_OPERATIONS = ("NotEqual", "Any")


@dataclass(frozen=True)
class TensorRef:
    """One output of one call of a layer."""

    layer: str
    node: int
    index: int


@dataclass(frozen=True)
class Call:
    """How a layer is called: its positional arguments (tensors or plain values) and its keywords that are set."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def chain_of(config: Mapping[str, Any], entries: Sequence[LayerEntry], source: str) -> tuple[list[LayerEntry], int]:
    """Orders the layers of a functional model that is one chain.

    Args:
        config: The functional model's config.
        entries: Its layers, as listed.
        source: The file or object, for messages.

    Returns:
        The layers from the input to the last, and how many outputs of the last one the model returns.

    Raises:
        UnsupportedError: The graph is not a single chain of supported layers.
        ModelFileError: The graph contradicts itself.
    """
    for entry in entries:
        if entry.class_name not in LAYER_CLASSES and entry.class_name not in MASK_OPERATIONS:
            raise UnsupportedError(f"{source}: {entry} is not supported; {accepted_classes()}")
    by_name = {entry.name: entry for entry in entries}
    if len(by_name) != len(entries):
        raise ModelFileError(f"{source}: two layers have the same name")
    inputs = _refs(config.get("input_layers"), source)
    outputs = _refs(config.get("output_layers"), source)
    if len(inputs) != 1:
        names = ", ".join(ref.layer for ref in inputs) or "none"
        raise UnsupportedError(f"{source}: the model has {len(inputs)} inputs ({names}); accepted: one")
    calls = {entry.name: _only_call(entry, source) for entry in entries}
    masks = _mask_operations(entries, calls)

    chain = [_named(by_name, inputs[0].layer, source)]
    mask_layer: LayerEntry | None = None
    used_masks: set[str] = set()
    while True:
        here = chain[-1]
        consumers = [
            entry
            for entry in entries
            if entry.class_name not in MASK_OPERATIONS
            and any(ref.layer == here.name for ref in _tensors(calls[entry.name].args))
        ]
        if not consumers:
            break
        if len(consumers) > 1:
            names = ", ".join(f"{c.name!r} ({c.class_name})" for c in consumers)
            raise UnsupportedError(f"{source}: {here} feeds {names}; accepted: a single chain of layers")
        after = consumers[0]
        if after in chain:
            raise ModelFileError(f"{source}: {after} feeds itself")
        call = calls[after.name]
        if call.args != (TensorRef(here.name, 0, 0),):
            raise UnsupportedError(f"{source}: {after} is called with {len(call.args)} arguments; accepted: one tensor")
        if after.class_name == "Masking":
            mask_layer = after
        used_masks |= _check_keywords(after, call, masks, mask_layer, chain, source)
        chain.append(after)

    return chain, _check_ends(chain, entries, outputs, masks, used_masks, source)


def _check_ends(
    chain: list[LayerEntry],
    entries: Sequence[LayerEntry],
    outputs: list[TensorRef],
    masks: Mapping[str, tuple[str, TensorRef, Any]],
    used_masks: set[str],
    source: str,
) -> int:
    """Nothing is left over, and what the model returns is what its last layer returns, in order."""
    expected = {entry.name for entry in chain} | used_masks | {masks[name][0] for name in used_masks}
    for entry in entries:
        if entry.name not in expected:
            raise UnsupportedError(f"{source}: {entry} is not on the chain from {chain[0].name!r}")
    last = chain[-1]
    if outputs != [TensorRef(last.name, 0, i) for i in range(len(outputs))] or not outputs:
        text = ", ".join(f"{ref.layer}[{ref.index}]" for ref in outputs) or "nothing"
        raise UnsupportedError(
            f"{source}: the model returns {text}; accepted: the outputs of its last {last}, all and in order"
        )
    return len(outputs)


def _check_keywords(
    entry: LayerEntry,
    call: Call,
    masks: Mapping[str, tuple[str, TensorRef, Any]],
    mask_layer: LayerEntry | None,
    chain: list[LayerEntry],
    source: str,
) -> set[str]:
    """Refuses keywords other than the mask that the chain carries; returns the mask operation that was used."""
    for key, value in call.kwargs.items():
        if value is None or (key == "training" and value is False):
            continue
        if key != "mask" or not isinstance(value, TensorRef):
            raise UnsupportedError(f"{source}: {entry} is called with {key}=; accepted: one tensor and no options")
        operation = masks.get(value.layer)
        position = chain.index(mask_layer) if mask_layer in chain and mask_layer is not None else 0
        if (
            mask_layer is None
            or operation is None
            or operation[1] != TensorRef(chain[position - 1].name, 0, 0)
            or operation[2] != mask_layer.config.get("mask_value")
        ):
            raise UnsupportedError(f"{source}: {entry} takes a mask that is not of a Masking layer before it")
        return {value.layer}
    return set()


def _mask_operations(entries: Sequence[LayerEntry], calls: Mapping[str, Call]) -> dict[str, tuple[str, TensorRef, Any]]:
    """The `any(x != value, axis=-1)` of the graph: by the Any's name, the NotEqual's name, x and the value."""
    found: dict[str, tuple[str, TensorRef, Any]] = {}
    by_name = {entry.name: entry for entry in entries}
    for entry in entries:
        if entry.class_name != "Any" or entry.config.get("axis") != -1 or entry.config.get("keepdims"):
            continue
        refs = calls[entry.name].args
        if len(refs) != 1 or not isinstance(refs[0], TensorRef):
            continue
        compare = by_name.get(refs[0].layer)
        if compare is None or compare.class_name != "NotEqual":
            continue
        args = calls[compare.name].args
        if len(args) == 2 and isinstance(args[0], TensorRef) and isinstance(args[1], (int, float)):
            found[entry.name] = (compare.name, args[0], args[1])
    return found


def _only_call(entry: LayerEntry, source: str) -> Call:
    """The one call of a layer, whichever Keras wrote it."""
    nodes = entry.inbound_nodes
    if not isinstance(nodes, list):
        raise ModelFileError(f"{source}: {entry} has no inbound_nodes")
    if len(nodes) > 1:
        raise UnsupportedError(f"{source}: {entry} is called {len(nodes)} times; accepted: once")
    if not nodes:
        return Call(())
    node = nodes[0]
    if isinstance(node, Mapping):
        args, kwargs = node.get("args"), node.get("kwargs")
        if not isinstance(args, list) or not isinstance(kwargs, Mapping):
            raise ModelFileError(f"{source}: {entry} has a call without args or kwargs")
        return Call(
            tuple(_keras3_value(a, entry, source) for a in args),
            {k: _keras3_value(v, entry, source) for k, v in kwargs.items()},
        )
    refs: list[TensorRef] = []
    kwargs2: dict[str, Any] = {}
    for item in _keras2_items(node):
        refs.append(_ref(item[:3], source))
        if len(item) > 3 and isinstance(item[3], Mapping):
            kwargs2 |= item[3]
    if not refs:
        raise ModelFileError(f"{source}: {entry} has a call without tensors")
    return Call(
        tuple(refs), {k: _ref(v, source) if k == "mask" and isinstance(v, list) else v for k, v in kwargs2.items()}
    )


def _keras2_items(node: Any) -> Iterator[list[Any]]:
    """The `[source, node, tensor, kwargs]` in a call, however deep Keras 2 nested them (initial states are)."""
    if isinstance(node, list):
        if node and isinstance(node[0], str):
            yield node
        else:
            for item in node:
                yield from _keras2_items(item)


def _keras3_value(value: Any, entry: LayerEntry, source: str) -> Any:
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        inner = value.get("config")
        return _ref(inner.get("keras_history") if isinstance(inner, Mapping) else None, f"{source}: {entry}")
    if isinstance(value, list):
        return tuple(_keras3_value(v, entry, source) for v in value)
    return value


def _tensors(args: tuple[Any, ...]) -> Iterator[TensorRef]:
    for arg in args:
        if isinstance(arg, TensorRef):
            yield arg
        elif isinstance(arg, tuple):
            yield from _tensors(arg)


def _refs(value: Any, source: str) -> list[TensorRef]:
    """`input_layers` or `output_layers`: one triple, or a list of them."""
    if not isinstance(value, list):
        raise ModelFileError(f"{source}: its functional config lacks input_layers or output_layers")
    if value and isinstance(value[0], str):
        return [_ref(value, source)]
    return [_ref(item, source) for item in value]


def _ref(value: Any, source: str) -> TensorRef:
    if (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and all(type(v) is int for v in value[1:])
    ):
        return TensorRef(*value)
    raise ModelFileError(f"{source}: {value!r:.80} does not name a tensor; accepted: [layer, node, tensor]")


def _named(by_name: Mapping[str, LayerEntry], name: str, source: str) -> LayerEntry:
    if name not in by_name:
        raise ModelFileError(f"{source}: layer {name!r} is named in the graph and not described")
    return by_name[name]
