"""What regularisers charge: Keras's ``losses``, in its order and values."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from lstm_ir import layers

Array = NDArray[Any]


def activity_penalties(layer: layers.Layer, values: Sequence[Array]) -> list[Any]:
    """Return a layer's penalty of each value it returned, by the length of the value's first axis."""
    penalty = layer.activity_regularizer
    if penalty is None:
        return []
    return [penalty(value) / value.shape[0] if value.shape[0] else value.dtype.type(0) for value in values]


def weight_penalties(layer: layers.Layer, *, trainable: bool = True) -> list[Any]:
    """Return the penalties of a layer's weights; Keras 3 leaves out those that are not trained."""
    if layer.flavour == "keras3" and not (trainable and layer.trainable):
        return []
    regularized = ((weight.spec.regularizer, weight) for weight in layer.weights)
    return [regularizer(weight.numpy()) for regularizer, weight in regularized if regularizer is not None]
