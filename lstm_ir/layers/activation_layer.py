"""The Activation layer of Keras: one activation function as a layer."""

from typing import Any, ClassVar

from lstm_ir.layers.activations import resolve_activation, serialize_activation
from lstm_ir.layers.base import Layer


class ActivationLayer(Layer):
    """Keras's ``Activation`` layer; named apart from the value `lstm_ir.layers.activations.Activation`.

    Args:
        activation: what `resolve_activation` takes.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Activation"
    auto_name_prefix: ClassVar[str] = "activation"

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = resolve_activation(activation, self.flavour)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"activation": serialize_activation(self.activation, self.flavour)}
