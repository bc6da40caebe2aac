"""Functional models: any graph of layers without loops, with several inputs and outputs."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError, ArgumentTypeError
from lstm_ir.layers.base import Layer
from lstm_ir.layers.flavour import Flavour, check_flavour
from lstm_ir.layers.graph import Call, Model, check_graph, output_names_of
from lstm_ir.layers.input_layer import InputLayer
from lstm_ir.layers.model import layer_from_config
from lstm_ir.layers.naming import auto_name
from lstm_ir.layers.serialization import object_dict
from lstm_ir.layers.shapes import Shape


class Functional(Model):
    """A graph of layers, as Keras's functional models; made with a `FunctionalBuilder`.

    Args:
        inputs: the inputs, each with a name of its own.
        calls: the calls, each after those that make its inputs.
        outputs: the names of the tensors that the model returns.
        name: None takes the next automatic name.
        output_names: the names of the outputs for users, as many; None takes the tensors'.

    Raises:
        ArgumentError: a tensor that nothing makes, names that are not different, or a layer called on a wrong number of
            tensors.
    """

    keras_class_name: ClassVar[str] = "Functional"

    def __init__(
        self,
        inputs: Sequence[InputLayer],
        calls: Sequence[Call],
        outputs: Sequence[str],
        name: str | None = None,
        *,
        output_names: Sequence[str] | None = None,
    ) -> None:
        for argument, given in (("inputs", inputs), ("calls", calls), ("outputs", outputs)):
            if not given:
                raise ArgumentError(f"{argument}: got none, expected one or more")
        check_graph(inputs, calls, outputs)
        self._inputs, self._calls, self._outputs = tuple(inputs), tuple(calls), tuple(outputs)
        self._output_names = _different(outputs if output_names is None else output_names)
        if len(self._output_names) != len(self._outputs):
            raise ArgumentError(f"output_names: got {len(self._output_names)}, expected {len(self._outputs)}")
        self.name = auto_name("functional") if name is None else name

    @property
    def inputs(self) -> tuple[InputLayer, ...]:
        """The inputs; the name of each is that of its tensor."""
        return self._inputs

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls, each after those that make its inputs."""
        return self._calls

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the tensors that the model returns."""
        return self._outputs

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs for users."""
        return self._output_names

    def get_config(self) -> dict[str, Any]:
        """Inputs, layers by path, calls and outputs, JSON-ready; our own form, not Keras's."""
        return {
            "name": self.name,
            "inputs": [given.get_config() for given in self.inputs],
            "layers": {
                path: {**object_dict("keras.layers", la.keras_class_name, la.get_config()), "flavour": la.flavour}
                for path, la in self.layers_by_path.items()
            },
            "calls": [
                {
                    "layer": call.path,
                    "inputs": list(call.inputs),
                    "outputs": list(call.outputs),
                    "initial_state": list(call.initial_state),
                    "sees_mask": call.sees_mask,
                }
                for call in self.calls
            ],
            "outputs": list(self.outputs),
            "output_names": list(self.output_names),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> "Functional":
        """Build from what `get_config` gives.

        Raises:
            ArgumentError: something is missing, or the graph contradicts itself.
            UnsupportedError: a layer that cannot be compiled.
        """
        known: Flavour | None = None if flavour is None else check_flavour(flavour)
        try:
            layers = {
                path: layer_from_config(la, flavour=la.get("flavour", known), argument=f"layers[{path!r}]")
                for path, la in config["layers"].items()
            }
            calls: list[Call] = []
            for entry in config["calls"]:
                path = entry["layer"]
                number = sum(call.path == path for call in calls)
                tensors = [tuple(entry[key]) for key in ("inputs", "outputs", "initial_state")]
                calls.append(Call(layers[path], tensors[0], tensors[1], path, number, tensors[2], entry["sees_mask"]))
            inputs = [InputLayer.from_config(given, flavour=known) for given in config["inputs"]]
            return cls(inputs, calls, config["outputs"], config["name"], output_names=config["output_names"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ArgumentError(f"config: not one of a functional model: {type(error).__name__} {error}") from None


def _different(names: Sequence[str]) -> tuple[str, ...]:
    """The names, numbered as Keras numbers them where one comes twice: ``dense``, ``dense_1``."""
    result: list[str] = []
    for name in names:
        free, number = name, 0
        while free in result:
            number += 1
            free = f"{name}_{number}"
        result.append(free)
    return tuple(result)


class FunctionalBuilder:
    """Builds a `Functional` call by call, following the shapes.

    ::

        b = FunctionalBuilder("tagger")
        ids = b.input(InputLayer((None, None), "int32", "ids"))
        (x,) = b.call(embedding, [ids])
        (y,) = b.call(dense, [x])
        model = b.model([y])

    Args:
        name: the model's name; None takes the next automatic one.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._inputs: list[InputLayer] = []
        self._calls: list[Call] = []
        self._shapes: dict[str, Shape] = {}

    def input(self, layer: InputLayer) -> str:
        """Add an input; returns its tensor's name, which is the layer's."""
        if layer.name in self._shapes:
            raise ArgumentError(f"inputs: the tensor {layer.name!r} is made twice, expected different names")
        self._inputs.append(layer)
        self._shapes[layer.name] = layer.shape
        return layer.name

    def shape(self, tensor: str) -> Shape:
        """The shape of a tensor, None for axes that are not fixed."""
        return self._shapes[tensor]

    def call(
        self,
        layer: Layer,
        inputs: Sequence[str],
        *,
        path: str | None = None,
        initial_state: Sequence[str] = (),
        sees_mask: bool = True,
    ) -> tuple[str, ...]:
        """Call a layer; builds it if it has no weights yet.

        Args:
            layer: the layer; one that was called before is shared.
            inputs: the names of the tensors that it is called on.
            path: its name in the model; None takes ``layer.name``.
            initial_state: the names of the tensors that a recurrent layer starts from.
            sees_mask: whether it is given its input's mask, see `Call`.

        Returns:
            The names of all that it returns.

        Raises:
            ArgumentError: shapes that do not fit the layer, or names that exist.
        """
        if not isinstance(layer, Layer):
            raise ArgumentTypeError(f"layer: got {layer!r}, expected a layer")
        path = layer.name if path is None else path
        number = sum(call.path == path for call in self._calls)
        name = path if number == 0 else f"{path}:{number}"
        outputs = output_names_of(layer, name)
        if any(tensor in self._shapes for tensor in outputs):  # an input that is named as a layer
            outputs = tuple(f"{tensor}:out" for tensor in outputs)
        call = Call(layer, tuple(inputs), outputs, path, number, tuple(initial_state), sees_mask)
        shapes = [self._shapes[tensor] for tensor in inputs]
        lengths = [cell.units for _, cell in layer.recurrent_cells() for _ in cell.state_names]
        for units, tensor in zip(lengths, initial_state, strict=False):
            if len(self._shapes[tensor]) != 2 or self._shapes[tensor][1] != units:
                raise ArgumentError(
                    f"layer {name!r}: an initial state has shape {self._shapes[tensor]}, expected (batch, {units})"
                )
        if not layer.built:
            layer.build(shapes[0] if len(shapes) == 1 else shapes)
        self._shapes.update(zip(outputs, call.output_shapes(shapes), strict=True))
        self._calls.append(call)
        return outputs

    def model(self, outputs: Sequence[str], output_names: Sequence[str] | None = None) -> Functional:
        """The model that returns these tensors."""
        return Functional(self._inputs, self._calls, outputs, self._name, output_names=output_names)
