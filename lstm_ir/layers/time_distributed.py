"""The TimeDistributed wrapper: a layer applied to every step by itself."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.base import Layer
from lstm_ir.layers.flavour import check_flavour
from lstm_ir.layers.serialization import object_dict
from lstm_ir.layers.shapes import Shape, as_shape
from lstm_ir.layers.weights import Array, Weight, WeightSpec


class TimeDistributed(Layer):
    """(batch, time, ...) to (batch, time, ...), the layer inside called on all batch x time samples.

    Args:
        layer: a layer of one input and one output that makes no mask.
        **kwargs: those of `Layer`.

    Raises:
        UnsupportedError: another layer, or a stateful one.
    """

    keras_class_name: ClassVar[str] = "TimeDistributed"
    auto_name_prefix: ClassVar[str] = "time_distributed"

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ArgumentError(f"layer: got {layer!r}, expected a layer")
        kwargs.setdefault("flavour", layer.flavour)
        super().__init__(**kwargs)
        several = layer.input_count != 1 or len(layer.output_suffixes()) > 1
        if several or layer.mask_rule in ("values", "masks") or getattr(layer, "stateful", False):
            raise UnsupportedError(
                f"layer: TimeDistributed of {layer.keras_class_name} {layer.name!r} is not supported: it has several "
                "outputs, makes a mask, or is stateful"
            )
        if getattr(layer, "time_major", False):
            raise UnsupportedError(f"layer: TimeDistributed of the time-major layer {layer.name!r} is not supported")
        self.layer = layer

    @property
    def refuses_mask(self) -> bool:  # type: ignore[override]  # of the layer inside, not of the class
        """Whether the layer inside would be given each step's mask, which Keras then fails on."""
        return self.layer.uses_mask or self.layer.refuses_mask

    @property
    def built(self) -> bool:
        """Whether the layer inside is built."""
        return self.layer.built

    def _step_shape(self, shape: Shape) -> Shape:
        if len(shape) < 3:
            raise ArgumentError(f"input of layer {self.name!r}: got shape {shape}, expected three axes or more")
        return (shape[0], *shape[2:])

    def build(self, input_shape: Any) -> None:
        """Build the layer inside, see `Layer.build`."""
        shape = as_shape(input_shape)
        self.layer.build(self._step_shape(shape))
        self.build_input_shape = shape

    @property
    def weights(self) -> list[Weight]:
        """Those of the layer inside."""
        return self.layer.weights

    def weight_specs(self) -> tuple[WeightSpec, ...]:
        """Those of the layer inside."""
        return self.layer.weight_specs()

    def code_weights(self) -> dict[str, Array]:
        """Those of the layer inside."""
        return self.layer.code_weights()

    def check_input_shape(self, shape: Shape) -> None:
        """Refuse a shape that the layer inside cannot take."""
        self.layer.check_input_shape(self._step_shape(shape))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The inner layer's shape for one step, with the axis of the steps."""
        shape = as_shape(input_shape)
        batch, *rest = as_shape(self.layer.compute_output_shape(self._step_shape(shape)))
        return (batch, shape[1], *rest)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        inner = object_dict("keras.layers", self.layer.keras_class_name, self.layer.get_config())
        return super().get_config() | {"layer": inner}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> Self:
        """Build from a config of this flavour.

        Raises:
            UnsupportedError: an inner layer that is not supported.
        """
        from lstm_ir.layers.model import layer_from_config

        known = check_flavour(flavour or cls.default_flavour)
        arguments = dict(config)
        inner = layer_from_config(arguments.pop("layer", None), flavour=known)
        return cls(inner, **arguments, flavour=known)
