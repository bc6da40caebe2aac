"""A model while its calls are read: its parts, what they have returned, and what references in it mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lstm_ir.errors import ModelFileError
from lstm_ir.importers.keras_config import LayerEntry
from lstm_ir.importers.keras_distributed import MODEL_CLASSES
from lstm_ir.importers.keras_nodes import NodeCall, TensorRef
from lstm_ir.importers.keras_writer import KerasWriter
from lstm_ir.layers import Layer


@dataclass
class Part:
    """A layer, a nested model or a TimeDistributed of one, as a model's config lists it.

    Attributes:
        name: Its name in the model that it is in.
        class_name: Keras's name of its class.
        layer: The layer; None for a model, and for a TimeDistributed of one.
        parts: A model's own layers and models, inputs left out, in the order of its config; of a TimeDistributed what
            is inside.
    """

    name: str
    class_name: str
    layer: Layer | None = None
    parts: list["Part"] = field(default_factory=list)


@dataclass
class Scope:
    """A model while its calls are read.

    Attributes:
        path: What the names of its layers start with.
        config: Its config.
        class_name: Keras's name of its class.
        entries: What its config lists.
        writer: The Keras that wrote the config.
        source: The file or object, for messages.
        parts: Its layers and models by name.
        results: What they have returned, by part and call.
    """

    path: str
    config: Mapping[str, Any]
    class_name: str
    entries: list[LayerEntry]
    writer: KerasWriter
    source: str
    parts: dict[str, Part] = field(default_factory=dict)
    results: dict[tuple[str, int], list[Any]] = field(default_factory=dict)

    def _number(self, ref: TensorRef, *, is_output: bool = False) -> int:
        """Which call of a part a reference means, from 0."""
        entry = next((entry for entry in self.entries if entry.name == ref.layer), None)
        if entry is None or entry.class_name not in MODEL_CLASSES:
            return ref.node
        calls = entry.inbound_nodes
        if isinstance(calls, list) and len(calls) == 1:
            return 0 if ref.node in (0, 1) else ref.node
        return ref.node - self._first_node(entry, is_output=is_output)

    def _first_node(self, entry: LayerEntry, *, is_output: bool) -> int:
        """From which number Keras counts the calls of a model: a functional one has a call of its own before.

        Keras 3 counts it where it lists the outputs of a model alone.
        """
        if entry.class_name in ("Functional", "Model"):
            return int(is_output or self.writer.flavour != "keras3")
        if entry.class_name != "Sequential" or self.writer.flavour == "keras3":
            return 0
        listed = entry.config.get("layers")
        first = listed[0] if isinstance(listed, list) and listed else None
        is_known = isinstance(first, Mapping) and (
            first.get("class_name") == "InputLayer" or "batch_input_shape" in (first.get("config") or {})
        )
        return int(is_known)

    def refuse_waiting(self, entry: LayerEntry, call: NodeCall) -> None:
        """Say why a call never became ready.

        Raises:
            ModelFileError: Always.
        """
        for ref in call.refs():
            if ref.layer not in {e.name for e in self.entries}:
                raise ModelFileError(f"{self.source}: layer {ref.layer!r} is named in the graph and not described")
        raise ModelFileError(f"{self.source}: {entry} feeds itself, or is called on what nothing makes")

    def is_ready(self, call: NodeCall) -> bool:
        """Whether all that a call needs is there."""
        return all((ref.layer, self._number(ref)) in self.results for ref in call.refs())

    def tensor(self, ref: TensorRef, *, is_output: bool = False) -> Any:
        """What a reference means: a tensor's name, or a mask as an expression.

        Args:
            ref: The reference.
            is_output: Whether it is from the list of the model's outputs.

        Raises:
            ModelFileError: There is no such thing.
        """
        made = self.results.get((ref.layer, self._number(ref, is_output=is_output)))
        if made is None:
            raise ModelFileError(f"{self.source}: layer {ref.layer!r} is named in the graph and not described")
        if not 0 <= ref.index < len(made):
            raise ModelFileError(f"{self.source}: layer {ref.layer!r} has no tensor {ref.index}")
        return made[ref.index]
