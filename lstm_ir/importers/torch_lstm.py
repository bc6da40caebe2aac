"""A ``torch.nn.LSTM`` as a model of layers: its outputs are output, h_n and c_n, as PyTorch returns them.

Each layer of it is an LSTM or a Bidirectional with activation tanh, recurrent activation sigmoid and the gate order
that PyTorch and Keras share. Steps behind the end of a sequence are masked: their output is zero, as
``pad_packed_sequence`` gives it, and h_n and c_n are those of the last step that counts.

With ``proj_size`` the recurrence is ``h = W_hr (o * tanh(c))``, ``z = W_ih x + W_hh h + b``. The layer keeps the whole
``g = o * tanh(c)`` instead: ``z = W_ih x + (W_hh W_hr) g + b`` is the same recurrence with one matrix, and
``h = W_hr g`` a Dense layer behind it.
"""

import numpy as np
from numpy.typing import NDArray

from lstm_ir.importers.torch_weights import DirectionWeights, LSTMWeights
from lstm_ir.layers import (
    LSTM,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Functional,
    FunctionalBuilder,
    InputLayer,
    StackStates,
)

OUTPUT_NAMES = ("output", "h_n", "c_n")
"""The names of the model's outputs."""

# A module in bfloat16 has weights of the same values in float32.
_POLICIES = {"bfloat16": "mixed_bfloat16"}
_FLAVOUR = "keras2"


def describe_lstm(weights: LSTMWeights, *, batch_first: bool, dropout: float = 0.0, name: str = "lstm") -> Functional:
    """Return the model of an nn.LSTM, built, with its weights.

    Args:
        weights: its weights.
        batch_first: whether inputs and output are (batch, time, features), or (time, batch, features).
        dropout: the rate between its layers, of use in training only.
        name: the model's name.
    """
    return _Describer(weights, batch_first, dropout, name).model()


class _Describer:
    def __init__(self, weights: LSTMWeights, batch_first: bool, dropout: float, name: str) -> None:
        self.weights, self.batch_first, self.rate = weights, batch_first, dropout
        self.policy = _POLICIES.get(weights.sizes.dtype, weights.sizes.dtype)
        self.graph = FunctionalBuilder(name)
        self.h: list[str] = []
        self.c: list[str] = []

    def model(self) -> Functional:
        # An input has one dtype; a mixed-precision layer casts what it is given.
        dtype = "float32" if self.weights.sizes.dtype == "bfloat16" else self.weights.sizes.dtype
        shape = (None, None, self.weights.sizes.input_size)
        x = self.graph.input(InputLayer(shape, dtype, "input", flavour=_FLAVOUR))
        for number, directions in enumerate(self.weights.layers):
            if number and self.rate:
                name = f"dropout_l{number - 1}"
                (x,) = self.graph.call(Dropout(self.rate, name=name, dtype=self.policy, flavour=_FLAVOUR), [x])
            x = self.layer(x, f"lstm_l{number}", directions)
        model = self.graph.model([x, self.stack("h_n", self.h), self.stack("c_n", self.c)], OUTPUT_NAMES)
        model.foreign_source = "pytorch"
        return model

    def layer(self, x: str, name: str, directions: tuple[DirectionWeights, ...]) -> str:
        """Add one layer, and its final states to those of the model; returns its output."""
        cell = LSTM(
            self.weights.sizes.hidden_size,
            activation="tanh",
            recurrent_activation="sigmoid",
            use_bias=self.weights.sizes.bias,
            return_sequences=True,
            return_state=True,
            time_major=not self.batch_first,
            zero_output_for_mask=True,
            name=name,
            dtype=self.policy,
            flavour=_FLAVOUR,
        )
        arrays = [array for direction in directions for array in _arrays(direction)]
        projections = [direction.weight_hr for direction in directions if direction.weight_hr is not None]
        if len(directions) == 1:
            output, h, c = self.graph.call(cell, [x])
            cell.set_weights(arrays)
            if projections:
                output, h = self.projected(f"{name}_proj", projections[0], [output, h])
            self.h.append(h)
            self.c.append(c)
            return output
        merge_mode = None if projections else "concat"
        both = Bidirectional(cell, merge_mode=merge_mode, name=name, dtype=self.policy, flavour=_FLAVOUR)
        *outputs, forward_h, forward_c, backward_h, backward_c = self.graph.call(both, [x])
        both.set_weights(arrays)
        states = [forward_h, backward_h]
        if projections:
            for place, end in enumerate(("forward", "backward")):
                given = [outputs[place], states[place]]
                outputs[place], states[place] = self.projected(f"{name}_proj_{end}", projections[place], given)
            merged = Concatenate(name=f"{name}_both", dtype=self.policy, flavour=_FLAVOUR)
            outputs = list(self.graph.call(merged, outputs))
        self.h += states
        self.c += [forward_c, backward_c]
        return outputs[0]

    def projected(self, name: str, weight_hr: NDArray[np.floating], tensors: list[str]) -> list[str]:
        """Return tensors of ``o * tanh(c)`` as the ``h`` that they are projected to."""
        dense = Dense(len(weight_hr), use_bias=False, name=name, dtype=self.policy, flavour=_FLAVOUR)
        results = [self.graph.call(dense, [tensor])[0] for tensor in tensors]
        dense.set_weights([weight_hr.T])
        return results

    def stack(self, name: str, tensors: list[str]) -> str:
        """Return states one above the other."""
        return self.graph.call(StackStates(name=name, dtype=self.policy, flavour=_FLAVOUR), tensors)[0]


def _arrays(direction: DirectionWeights) -> list[NDArray[np.floating]]:
    """Kernel, recurrent kernel and bias: PyTorch's matrices stand on the left of what they multiply."""
    recurrent = direction.weight_hh
    if direction.weight_hr is not None:
        recurrent = recurrent.astype(np.float64) @ direction.weight_hr.astype(np.float64)
    arrays = [direction.weight_ih.T, recurrent.T]
    return arrays if direction.bias is None else [*arrays, direction.bias]
