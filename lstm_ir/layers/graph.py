"""Models as graphs: layers called on named tensors. `Sequential` and `Functional` are both such graphs.

A tensor is known by its name. A call applies a layer to tensors and names what it returns; calls are listed so that
every tensor is made before it is used. Masks are not written down: each tensor has at most one, which its layer carries
on from the inputs or makes itself (`Layer.mask_rule`), as Keras attaches them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.base import Layer
from lstm_ir.layers.flavour import Flavour, Source
from lstm_ir.layers.input_layer import InputLayer
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.shapes import Shape, as_shape
from lstm_ir.layers.weights import Array, Weight, assign_all


@dataclass(frozen=True)
class Call:
    """One call of a layer.

    Attributes:
        layer: the layer; the same one in several calls is shared, with its weights.
        inputs: the names of the tensors that it is called on.
        outputs: the names of the tensors that it returns, one for each of `Layer.output_suffixes`.
        path: the layer's name in the model, different for each layer: ``lstm``, in a nested model ``encoder/lstm``. The
            names of its weights start with it.
        number: which call of this layer it is, from 0.
        initial_state: the names of the tensors that a recurrent layer starts from, the states of every cell; empty: it
            starts from its state in the module.
        sees_mask: whether the layer is given the mask of its input, which goes on behind it in any case. Keras 3 gives
            none to a recurrent layer that is called with ``initial_state``, unless told.
    """

    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    path: str
    number: int = 0
    initial_state: tuple[str, ...] = ()
    sees_mask: bool = True

    @property
    def name(self) -> str:
        """The layer's path for its first call, and ``<path>:<number>`` for the others."""
        return self.path if self.number == 0 else f"{self.path}:{self.number}"

    def output_shapes(self, input_shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes of all outputs for inputs of these shapes.

        Raises:
            ArgumentError: a shape that the layer does not take.
        """
        given: Any = input_shapes[0] if len(input_shapes) == 1 else list(input_shapes)
        self.layer.check_input_shape(input_shapes[0])
        result = self.layer.compute_output_shape(given)
        return [tuple(shape) for shape in result] if isinstance(result, list) else [tuple(result)]


@dataclass(frozen=True)
class Recurrence:
    """One scan of a model.

    Attributes:
        path: its name, different for each: ``lstm``, ``bidirectional/forward``, ``lstm:1`` (a shared layer's second).
        layer: the cell that it runs.
        call: the call that it is part of.
        state: the name that its states start with in the module (``<state>/h``, ``<state>/c``); None where its initial
            state is a tensor of the graph. A stateful layer has one state for all its calls.
    """

    path: str
    layer: RecurrentLayer
    call: Call
    state: str | None

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of its states in the module; none where its initial state is a tensor of the graph."""
        return () if self.state is None else tuple(f"{self.state}/{name}" for name in self.layer.state_names)


class Model:
    """A whole model: inputs, calls in order, outputs.

    Attributes:
        name: its name.
    """

    keras_class_name: ClassVar[str] = "Model"
    name: str
    foreign_source: Literal["onnx", "pytorch"] | None = None
    """The framework that an importer read the model from, where that is not Keras."""

    @property
    def inputs(self) -> tuple[InputLayer, ...]:
        """The inputs; the name of each is that of its tensor."""
        raise NotImplementedError

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls, each after those that make its inputs."""
        raise NotImplementedError

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the tensors that the model returns."""
        raise NotImplementedError

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs for users; by default the tensors'."""
        return self.outputs

    def get_config(self) -> dict[str, Any]:
        """What `from_config` of the class makes the model of again."""
        raise NotImplementedError

    # layers and weights

    @property
    def layers_by_path(self) -> dict[str, Layer]:
        """Every layer once, by its path, in the order of the first calls."""
        return {call.path: call.layer for call in self.calls}

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer once, without the inputs."""
        return tuple(self.layers_by_path.values())

    @property
    def flavour(self) -> Flavour:
        """The flavour of the first layer."""
        return self.layers[0].flavour

    @property
    def source(self) -> Source:
        """Where the model comes from; of a model of Keras, or one made of our layers, its flavour."""
        return self.foreign_source or self.flavour

    @property
    def built(self) -> bool:
        """Whether all layers are built."""
        return all(layer.built for layer in self.layers)

    def build(self) -> None:
        """Build every layer for the shapes of its first call.

        Raises:
            ArgumentError: a shape that does not fit a layer.
        """
        shapes = {given.name: given.shape for given in self.inputs}
        for call in self.calls:
            own = [shapes[name] for name in call.inputs]
            if not call.layer.built:
                call.layer.build(own[0] if len(own) == 1 else own)
            shapes.update(zip(call.outputs, call.output_shapes(own), strict=True))

    def tensor_shapes(self, input_shapes: Mapping[str, Shape] | None = None) -> dict[str, Shape]:
        """The shapes of all tensors by name.

        Args:
            input_shapes: of the inputs, by name; None takes those that they declare.

        Raises:
            ArgumentError: a shape that a layer does not take.
        """
        shapes = {given.name: given.shape for given in self.inputs}
        shapes.update(input_shapes or {})
        for call in self.calls:
            results = call.output_shapes([shapes[name] for name in call.inputs])
            shapes.update(zip(call.outputs, results, strict=True))
        return shapes

    @property
    def output_shapes(self) -> list[Shape]:
        """The shapes of all outputs, for the inputs' own shapes."""
        shapes = self.tensor_shapes()
        return [shapes[name] for name in self.outputs]

    def recurrences(self) -> Iterator[Recurrence]:
        """Yield every scan in order, forward before backward, a stack's first cell first."""
        for call in self.calls:
            for suffix, cell in call.layer.recurrent_cells():
                path = f"{call.name}/{suffix}" if suffix else call.name
                state: str | None = path
                if getattr(call.layer, "stateful", False):
                    state = f"{call.path}/{suffix}" if suffix else call.path
                assert isinstance(cell, RecurrentLayer)
                yield Recurrence(path, cell, call, None if call.initial_state else state)

    @property
    def weights(self) -> list[Weight]:
        """All weights, layer by layer."""
        return [weight for layer in self.layers for weight in layer.weights]

    def get_weights(self) -> list[Array]:
        """Copies of all weights, layer by layer."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Set all weights, or none where one does not fit.

        Raises:
            ArgumentError: the count or a shape differs.
        """
        assign_all(self.weights, weights, self.name)

    def count_params(self) -> int:
        """The number of scalars in all weights.

        Raises:
            ArgumentError: not built.
        """
        return sum(layer.count_params() for layer in self.layers)

    # masks

    def mask_sources(self) -> dict[str, frozenset[str]]:
        """From which inputs a mask reaches each tensor, by the tensor's name."""
        sources = {given.name: frozenset([given.name]) for given in self.inputs}
        for call in self.calls:
            sources.update(zip(call.outputs, _sources_after(call, sources), strict=True))
        return sources

    def mask_users(self) -> dict[str, frozenset[str]]:
        """For each input the paths of the layers that would use a mask given for it."""
        sources = self.mask_sources()
        users: dict[str, set[str]] = {given.name: set() for given in self.inputs}
        for call in self.calls:
            if call.layer.uses_mask and call.sees_mask:
                for tensor in call.inputs:
                    for source in sources[tensor]:
                        users[source].add(call.path)
        return {name: frozenset(paths) for name, paths in users.items()}

    def mask_refusals(self) -> dict[str, str]:
        """The inputs for which no mask can be given, each with the path of a layer that refuses one."""
        sources = self.mask_sources()
        return {
            source: call.path
            for call in self.calls
            if call.layer.refuses_mask
            for tensor in call.inputs
            for source in sources[tensor]
        }


def _sources_after(call: Call, sources: Mapping[str, frozenset[str]]) -> list[frozenset[str]]:
    rule = call.layer.mask_rule
    nothing: frozenset[str] = frozenset()
    if rule == "carry":
        first = sources[call.inputs[0]]
        return [first if carries else nothing for carries in call.layer.masked_outputs()]
    if rule == "masks":
        merged = nothing.union(*(sources[name] for name in call.inputs))
        return [merged for _ in call.outputs]
    return [nothing for _ in call.outputs]


def output_names_of(layer: Layer, name: str) -> tuple[str, ...]:
    """The names of the tensors that a call of this name returns."""
    return tuple(f"{name}/{suffix}" if suffix else name for suffix in layer.output_suffixes())


def check_graph(inputs: Sequence[InputLayer], calls: Sequence[Call], outputs: Sequence[str]) -> None:
    """Refuse a graph that uses what does not exist, or names two things alike.

    Raises:
        ArgumentError: a tensor that nothing before makes, one that is made twice, or two layers of one path.
    """
    known: set[str] = set()

    def make(names: Sequence[str], maker: str) -> None:
        for name in names:
            if name in known:
                raise ArgumentError(f"{maker}: the tensor {name!r} is made twice, expected different names")
            known.add(name)

    for position, given in enumerate(inputs):
        make([given.name], f"inputs[{position}]")
    by_path: dict[str, Layer] = {}
    for call in calls:
        if by_path.setdefault(call.path, call.layer) is not call.layer:
            raise ArgumentError(f"layers: {call.path!r} names two layers, expected different names")
        for name in (*call.inputs, *call.initial_state):
            if name not in known:
                raise ArgumentError(f"layer {call.name!r}: nothing before it makes the tensor {name!r}")
        _check_arity(call)
        make(call.outputs, f"layer {call.name!r}")
    for name in outputs:
        if name not in known:
            raise ArgumentError(f"outputs: nothing makes the tensor {name!r}")


def _check_arity(call: Call) -> None:
    layer = call.layer
    if not call.inputs or (layer.input_count is not None and len(call.inputs) != layer.input_count):
        wanted = "one or more" if layer.input_count is None else layer.input_count
        raise ArgumentError(f"layer {call.name!r}: called on {len(call.inputs)} tensors, expected {wanted}")
    if len(call.outputs) != len(layer.output_suffixes()):
        raise ArgumentError(
            f"layer {call.name!r}: {len(call.outputs)} names for its outputs, it returns {len(layer.output_suffixes())}"
        )
    states = sum(len(cell.state_names) for _, cell in layer.recurrent_cells())
    if call.initial_state and len(call.initial_state) != states:
        raise ArgumentError(
            f"layer {call.name!r}: initial_state has {len(call.initial_state)} tensors, expected {states}"
        )


def shape_list(value: Any) -> list[Shape]:
    """Return the shapes of a layer's inputs, given as one shape or as a list of shapes."""
    axes = list(value)
    if axes and isinstance(axes[0], (list, tuple)):
        return [as_shape(shape) for shape in axes]
    return [as_shape(value)]
