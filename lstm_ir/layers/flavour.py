"""Which Keras a layer is written for: it decides defaults, the form of configs and one activation."""

from typing import Literal, get_args

from lstm_ir.errors import ArgumentError

Flavour = Literal["compat.v1", "keras2", "keras3"]
"""``compat.v1``: tf.compat.v1.keras.layers; ``keras2``: tf.keras of Keras 2; ``keras3``: Keras 3."""

Source = Literal["compat.v1", "keras2", "keras3", "onnx", "pytorch"]
"""Where a model comes from: a Keras of that flavour, or another framework."""

FLAVOURS: tuple[Flavour, ...] = get_args(Flavour)


def check_flavour(flavour: str) -> Flavour:
    """Return ``flavour`` if it is one of ours.

    Raises:
        ArgumentError: it is not.
    """
    for known in FLAVOURS:
        if flavour == known:
            return known
    raise ArgumentError(f"flavour: got {flavour!r}, expected one of {', '.join(map(repr, FLAVOURS))}")
