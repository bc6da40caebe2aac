"""A model as any LSTM runtime can be told it: stages with plain arrays, in Keras's gate order and layouts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers import LSTM, Bidirectional, CuDNNLSTM, Dense, Dropout, Layer, Masking, Model, Sequential
from lstm_ir.layers.activations import Activation

Array = NDArray[Any]

KERAS_GATES = "ifco"
"""The order of the gates in a Keras kernel's columns: input, forget, candidate, output."""


class InexpressibleError(UnsupportedError):
    """A peer has no way to say what a model means; the text is the reason that the tables show."""


@dataclass(frozen=True)
class Direction:
    """One LSTM over the steps, weights float32.

    Attributes:
        kernel: [I, 4 U].
        recurrent_kernel: [U, 4 U].
        bias: [4 U], zeros where the layer has none.
        activation: Of candidate and carry.
        recurrent_activation: Of the gates.
        goes_backwards: Visits the steps from the last to the first, and gives its outputs in that order.
        zeroes_masked: Masked steps give zeros instead of the output before them.
    """

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    activation: Activation
    recurrent_activation: Activation
    goes_backwards: bool
    zeroes_masked: bool

    @property
    def features(self) -> int:
        """I."""
        return int(self.kernel.shape[0])

    @property
    def units(self) -> int:
        """U."""
        return int(self.recurrent_kernel.shape[0])

    def step_flop(self, batch: int) -> float:
        """Operations of one step's two products, 2 B (I + U) 4 U."""
        return 8.0 * batch * (self.features + self.units) * self.units


@dataclass(frozen=True)
class Recurrence:
    """An LSTM, or two of them in both directions whose outputs are merged.

    Attributes:
        directions: One; or the forward and the backward one of a Bidirectional.
        merge_mode: As in Keras, of a Bidirectional: concat, sum, mul, ave or None.
        returns_sequences: Every step's output, not the last one's only.
        returns_state: h and c of each direction as well.
    """

    directions: tuple[Direction, ...]
    merge_mode: str | None
    returns_sequences: bool
    returns_state: bool

    @property
    def is_bidirectional(self) -> bool:
        """Whether there are two directions."""
        return len(self.directions) > 1

    @property
    def sequences(self) -> int:
        """How many of the outputs, which are the first ones, have a time axis."""
        if not self.returns_sequences:
            return 0
        return 2 if self.is_bidirectional and self.merge_mode is None else 1


@dataclass(frozen=True)
class Affine:
    """A Dense layer: ``activation(x kernel + bias)``, kernel [I, O], bias [O]."""

    kernel: Array
    bias: Array
    activation: Activation


@dataclass(frozen=True)
class MaskMaker:
    """A Masking layer: steps whose features all equal ``value`` do not count."""

    value: float


Stage = Recurrence | Affine | MaskMaker


@dataclass(frozen=True)
class Network:
    """Stages, each feeding the next.

    Attributes:
        stages: In order.
        is_time_major: Sequences are (time, batch, features), not (batch, time, features).
    """

    stages: tuple[Stage, ...]
    is_time_major: bool

    @property
    def recurrences(self) -> tuple[Recurrence, ...]:
        """The stages with a time loop."""
        return tuple(stage for stage in self.stages if isinstance(stage, Recurrence))

    def flop(self, batch: int, steps: int) -> float:
        """Operations of the matrix products of all LSTMs in one call."""
        return steps * sum(lstm.step_flop(batch) for stage in self.recurrences for lstm in stage.directions)

    @property
    def recurrent_bytes(self) -> int:
        """Bytes of the recurrent weights of all LSTMs, each read once a step."""
        return sum(lstm.recurrent_kernel.nbytes for stage in self.recurrences for lstm in stage.directions)

    def refuse_masks(self, has_mask: bool) -> None:
        """Stand in for a peer that knows no masks.

        Raises:
            InexpressibleError: The model makes a mask, or one is given.
        """
        if has_mask or any(isinstance(stage, MaskMaker) for stage in self.stages):
            raise InexpressibleError("masks: its LSTM has none")


def network_of(model: Model) -> Network:
    """Return the network of a built float32 model.

    Raises:
        InexpressibleError: A layer or dtype that no peer is told here.
    """
    if not isinstance(model, Sequential):
        raise InexpressibleError("a graph; peers are given chains of layers")
    stages: list[Stage] = []
    is_time_major = False
    for layer in model.layers:
        if layer.compute_dtype != "float32":
            raise InexpressibleError(f"layer {layer.name!r} computes in {layer.compute_dtype}; peers are given float32")
        if isinstance(layer, LSTM):
            is_time_major = bool(layer.time_major)
            stages.append(
                Recurrence((_direction(layer),), None, bool(layer.return_sequences), bool(layer.return_state))
            )
        elif isinstance(layer, Bidirectional):
            is_time_major = bool(layer.time_major)
            both = (_direction(layer.forward_layer), _direction(layer.backward_layer))
            if both[0].goes_backwards:
                raise InexpressibleError(f"layer {layer.name!r}: the forward copy goes backwards")
            stages.append(Recurrence(both, layer.merge_mode, bool(layer.return_sequences), bool(layer.return_state)))
        elif isinstance(layer, Dense):
            weights = layer.get_weights()
            bias = weights[1] if layer.use_bias else np.zeros(layer.units, np.float32)
            stages.append(Affine(weights[0], bias, layer.activation))
        elif isinstance(layer, Masking):
            stages.append(MaskMaker(float(layer.mask_value)))
        elif not isinstance(layer, Dropout):  # which is the identity outside training
            raise InexpressibleError(f"layer {layer.name!r}: {layer.keras_class_name} is not given to peers")
    return Network(tuple(stages), is_time_major)


def reorder_gates(columns: Array, order: str) -> Array:
    """Return an array with its last axis of four gates taken from Keras's order to another, such as ``iofc``."""
    parts = dict(zip(KERAS_GATES, np.split(columns, 4, axis=-1), strict=True))
    return np.ascontiguousarray(np.concatenate([parts[gate] for gate in order], axis=-1))


def _direction(layer: Layer) -> Direction:
    if not isinstance(layer, LSTM) or isinstance(layer, CuDNNLSTM):
        raise InexpressibleError(f"layer {layer.name!r}: {layer.keras_class_name} is not given to peers")
    weights = layer.get_weights()
    return Direction(
        kernel=weights[0],
        recurrent_kernel=weights[1],
        bias=weights[2] if layer.use_bias else np.zeros(4 * layer.units, np.float32),
        activation=layer.activation,
        recurrent_activation=layer.recurrent_activation,
        goes_backwards=bool(layer.go_backwards),
        zeroes_masked=bool(layer.zero_output_for_mask),
    )
