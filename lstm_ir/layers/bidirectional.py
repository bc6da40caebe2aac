"""The Bidirectional wrapper: one recurrent layer in each direction, and how their outputs are merged."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.base import Layer, MaskRule
from lstm_ir.layers.flavour import check_flavour
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.rnn import RNN
from lstm_ir.layers.serialization import object_dict, parse_object_config
from lstm_ir.layers.shapes import Shape
from lstm_ir.layers.weights import Array, Weight, WeightSpec

_MERGE_MODES = ("concat", "sum", "mul", "ave", None)


class Bidirectional(Layer):
    """Two copies of a recurrent layer, the second visiting the steps the other way round.

    The copies are rebuilt from the config of ``layer`` by its own class, and both zero their output at masked steps
    exactly if they return sequences, whatever ``layer`` says. Weights: those of the forward copy, then those of the
    backward copy. A returned backward sequence is flipped to the input's order before merging.

    Args:
        layer: an `LSTM`, `GRU`, `SimpleRNN` or `RNN`. Its ``go_backwards`` makes the forward copy run backwards, which
            Keras 3 refuses.
        merge_mode: ``"concat"`` on the last axis, ``"sum"``, ``"mul"``, ``"ave"``, or None: both outputs.
        weights: initial weights of both copies, or None.
        backward_layer: the layer to use as the backward copy, or None.
        **kwargs: those of `Layer`. ``trainable`` defaults to that of ``layer`` (in Keras 3 to True), ``flavour`` to
            that of ``layer``.

    Attributes:
        layer: the layer that was given.
        forward_layer: the forward copy.
        backward_layer: the backward copy.

    Raises:
        ArgumentError: not such a layer, an unknown ``merge_mode``, or two layers that do not belong together.
    """

    keras_class_name: ClassVar[str] = "Bidirectional"
    auto_name_prefix: ClassVar[str] = "bidirectional"
    uses_mask: ClassVar[bool] = True
    layer_class: ClassVar[type[LSTM]] = LSTM
    """The class that `from_config` makes inner LSTMs of."""
    wraps: ClassVar[tuple[type[Layer], ...]] = (RecurrentLayer, RNN)
    """The classes of layers that can be inside."""

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        for argument, given in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(given, self.wraps) and not (argument == "backward_layer" and given is None):
                raise ArgumentError(f"{argument}: got {given!r}, expected an LSTM layer")
        if merge_mode not in _MERGE_MODES:
            raise ArgumentError(f"merge_mode: got {merge_mode!r}, expected one of {_MERGE_MODES}")
        if kwargs.get("flavour") is None:
            kwargs["flavour"] = layer.flavour
        if kwargs["flavour"] != "keras3":
            kwargs.setdefault("trainable", layer.trainable)
        super().__init__(**kwargs)
        self.layer = layer
        self.merge_mode = merge_mode
        self.forward_layer = self._copy(layer, "forward_", backwards=False)
        self.has_own_backward_layer = backward_layer is not None
        if backward_layer is None:
            self.backward_layer = self._copy(layer, "backward_", backwards=True)
        else:
            self._backward_config = _serialize_layer(backward_layer)
            self.backward_layer = backward_layer
            if self.flavour != "keras3":
                self.backward_layer.name = "backward_" + backward_layer.name
        self._check_pair()
        for copy in (self.forward_layer, self.backward_layer):
            copy.zero_output_for_mask = copy.return_sequences
        if weights is not None and len(weights):
            half = len(weights) // 2
            self.forward_layer.initial_weights = weights[:half]
            self.backward_layer.initial_weights = weights[half:]
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.time_major = layer.time_major
        self.input_spec = layer.input_spec

    def _copy(self, layer: Any, prefix: str, *, backwards: bool) -> Any:
        config = layer.get_config()
        if self.flavour == "keras3":
            config["name"] = prefix + layer.name.removeprefix(prefix)
            config["go_backwards"] = True if backwards else config["go_backwards"]
        else:
            config["name"] = prefix + layer.name
            config["go_backwards"] = bool(config["go_backwards"]) != backwards
        copy = type(layer).from_config(config, flavour=layer.flavour)
        if isinstance(layer, RecurrentLayer):
            copy.use_cudnn = layer.use_cudnn  # not in the config
        return copy

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if bool(forward.go_backwards) == bool(backward.go_backwards):
            raise ArgumentError(
                f"backward_layer: forward and backward layer should have different go_backwards, both have "
                f"{forward.go_backwards}"
            )
        for attribute in ("stateful", "return_sequences", "return_state", "time_major"):
            ahead, behind = getattr(forward, attribute), getattr(backward, attribute)
            if ahead != behind:
                raise ArgumentError(
                    f"backward_layer: {attribute} is {behind}, but {ahead} in the forward layer, expected the same"
                )
        if self.merge_mode in ("sum", "mul", "ave") and forward.units != backward.units:
            raise ArgumentError(
                f"backward_layer: units is {backward.units}, but {forward.units} in the forward layer, expected the "
                f"same to merge by {self.merge_mode!r}"
            )

    # weights

    @property
    def built(self) -> bool:
        """Whether both copies are built."""
        return bool(self.forward_layer.built and self.backward_layer.built)

    def build(self, input_shape: Any) -> None:
        """Build both copies, see `Layer.build`."""
        self.forward_layer.build(input_shape)
        self.backward_layer.build(input_shape)
        self.build_input_shape = self.forward_layer.build_input_shape
        self.input_spec = self.forward_layer.input_spec

    @property
    def weights(self) -> list[Weight]:
        """The weights of the forward copy, then of the backward copy."""
        return [*self.forward_layer.weights, *self.backward_layer.weights]

    def weight_specs(self) -> tuple[WeightSpec, ...]:
        """The specs of all weights, named ``forward/kernel`` ... ``backward/bias``."""
        return tuple(
            WeightSpec(
                f"{direction}/{spec.name}",
                spec.shape,
                spec.dtype,
                spec.initializer,
                spec.regularizer,
                spec.constraint,
            )
            for direction, copy in self.directions
            for spec in copy.weight_specs()
        )

    # shapes and masks

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The merged output's shape, or the list of outputs; see `compute_output_shapes`."""
        shapes = self.compute_output_shapes(input_shape)
        return shapes if len(shapes) > 1 else shapes[0]

    def compute_output_shapes(self, input_shape: Any) -> list[Shape]:
        """The shapes of all outputs: merged (or forward, backward), then with ``return_state`` the states."""
        ahead = self.forward_layer.compute_output_shape(input_shape)
        behind = self.backward_layer.compute_output_shape(input_shape)
        if not self.return_state:
            ahead, behind = [ahead], [behind]
        if self.merge_mode is None:
            outputs = [ahead[0], behind[0]]
        elif self.merge_mode == "concat":
            outputs = [(*ahead[0][:-1], ahead[0][-1] + behind[0][-1])]
        else:
            outputs = [ahead[0]]
        return [*outputs, *ahead[1:], *behind[1:]]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The incoming mask for each returned sequence, None for everything else."""
        if isinstance(mask, (list, tuple)):
            mask = mask[0] if mask else None
        carried = mask if self.return_sequences else None
        masks = [carried, carried] if self.merge_mode is None else [carried]
        masks += [None] * (len(self.output_suffixes()) - len(masks))
        return masks if len(masks) > 1 else masks[0]

    @property
    def refuses_mask(self) -> bool:  # type: ignore[override]  # of the layer inside, not of the class
        """Whether the layer inside cannot be called on an input with a mask."""
        return bool(self.forward_layer.refuses_mask)

    @property
    def mask_rule(self) -> MaskRule:
        """The incoming mask goes on with sequences."""
        return "carry" if self.return_sequences else "drop"

    def masked_outputs(self) -> tuple[bool, ...]:
        """The sequences have a mask, the states have none."""
        sequences = 2 if self.merge_mode is None else 1
        return tuple(k < sequences for k in range(len(self.output_suffixes())))

    def output_suffixes(self) -> tuple[str, ...]:
        """The merged output, or forward and backward; then with ``return_state`` the states."""
        outputs = ("forward", "backward") if self.merge_mode is None else ("",)
        states = [
            f"{direction}/{suffix}" for direction, copy in self.directions for suffix in copy.output_suffixes()[1:]
        ]
        return (*outputs, *states)

    @property
    def directions(self) -> tuple[tuple[str, Any], ...]:
        """The two copies, each with its name."""
        return (("forward", self.forward_layer), ("backward", self.backward_layer))

    def recurrent_cells(self) -> tuple[tuple[str, RecurrentLayer], ...]:
        """The cells of the two copies."""
        return tuple(
            (f"{direction}/{suffix}" if suffix else direction, cell)
            for direction, copy in self.directions
            for suffix, cell in copy.recurrent_cells()
        )

    # configs

    def code_weights(self) -> dict[str, Array]:
        """Those of every cell."""
        return {
            f"{suffix}/{name}" if suffix else name: value
            for suffix, cell in self.recurrent_cells()
            for name, value in cell.code_weights().items()
        }

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        config = super().get_config()
        if self.flavour == "keras3":
            return config | {
                "merge_mode": self.merge_mode,
                "layer": _serialize_layer(self.forward_layer),
                "backward_layer": _serialize_layer(self.backward_layer),
            }
        config |= {"layer": _serialize_layer(self.layer), "merge_mode": self.merge_mode}
        if self.has_own_backward_layer:
            config["backward_layer"] = self._backward_config
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> Self:
        """Build from a config of this flavour, inner LSTMs as `layer_class`.

        Raises:
            ArgumentError: no inner layer.
            UnsupportedError: an inner layer that cannot be wrapped, or ``num_constants``.
        """
        known = check_flavour(flavour or cls.default_flavour)
        arguments = dict(config)
        if arguments.pop("num_constants", 0):
            raise UnsupportedError("num_constants: constants are for custom cells, those of Keras have none")
        for key in ("layer", "backward_layer"):
            if arguments.get(key) is not None:
                arguments[key] = cls._inner(arguments[key], known, key)
        if arguments.get("layer") is None:
            raise ArgumentError("layer: missing from the config of Bidirectional")
        return cls(**arguments, flavour=known)

    @classmethod
    def _inner(cls, identifier: Any, flavour: str, argument: str) -> Layer:
        from lstm_ir.layers.model import LAYER_CLASSES

        if not isinstance(identifier, Mapping):
            raise ArgumentError(f"{argument}: got {identifier!r}, expected the object dict of a layer")
        class_name, config = parse_object_config(identifier, argument)
        classes = {name: made for name, made in LAYER_CLASSES.items() if issubclass(made, cls.wraps)}
        classes["LSTM"] = cls.layer_class
        if class_name not in classes:
            raise UnsupportedError(
                f"{argument}: Bidirectional of {class_name!r} is not supported, only of {', '.join(classes)}"
            )
        return classes[class_name].from_config(config, flavour=flavour)


def _serialize_layer(layer: Layer) -> dict[str, Any]:
    return object_dict("keras.layers", layer.keras_class_name, layer.get_config())
