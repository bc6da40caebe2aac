"""A ``torch.nn.LSTM``, ``GRU`` or ``RNN`` as a model of layers, whose outputs are output, h_n and c_n, as PyTorch's.

Each layer of it is an LSTM, GRU or SimpleRNN, or a Bidirectional of one. An LSTM has the gate order that PyTorch and
Keras share; a GRU, which resets behind the product, has the gates z, r, n in Keras, where PyTorch has r, z, n. Steps
behind the end of a sequence are masked: their output is zero, as ``pad_packed_sequence`` gives it, and h_n and c_n are
those of the last step that counts.

With ``proj_size`` the recurrence is ``h = W_hr (o * tanh(c))``, ``z = W_ih x + W_hh h + b``. The layer keeps the whole
``g = o * tanh(c)`` instead: ``z = W_ih x + (W_hh W_hr) g + b`` is the same recurrence with one matrix, and
``h = W_hr g`` a Dense layer behind it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.importers.torch_weights import DirectionWeights, LSTMWeights
from lstm_ir.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Functional,
    FunctionalBuilder,
    InputLayer,
    SimpleRNN,
    StackStates,
)

OUTPUT_NAMES = ("output", "h_n", "c_n")
"""The names of the model's outputs; a GRU or RNN has no c_n."""

# A module in bfloat16 has weights of the same values in float32.
_POLICIES = {"bfloat16": "mixed_bfloat16"}
_FLAVOUR = "keras2"


def describe_lstm(
    weights: LSTMWeights, *, batch_first: bool, dropout: float = 0.0, nonlinearity: str = "tanh"
) -> Functional:
    """Return the model of an nn.LSTM, nn.GRU or nn.RNN, built, with its weights.

    Args:
        weights: its weights.
        batch_first: whether inputs and output are (batch, time, features), or (time, batch, features).
        dropout: the rate between its layers, of use in training only.
        nonlinearity: of an RNN, ``tanh`` or ``relu``.
    """
    return _Describer(weights, batch_first, dropout, nonlinearity).model()


class _Describer:
    def __init__(self, weights: LSTMWeights, batch_first: bool, dropout: float, nonlinearity: str) -> None:
        self.weights, self.batch_first, self.rate = weights, batch_first, dropout
        self.nonlinearity = nonlinearity
        name = self.prefix = weights.sizes.kind.lower()
        self.policy = _POLICIES.get(weights.sizes.dtype, weights.sizes.dtype)
        self.graph = FunctionalBuilder(name)
        self.states: dict[str, list[str]] = {"h_n": [], "c_n": []}

    def model(self) -> Functional:
        # An input has one dtype; a mixed-precision layer casts what it is given.
        dtype = "float32" if self.weights.sizes.dtype == "bfloat16" else self.weights.sizes.dtype
        shape = (None, None, self.weights.sizes.input_size)
        x = self.graph.input(InputLayer(shape, dtype, "input", flavour=_FLAVOUR))
        for number, directions in enumerate(self.weights.layers):
            if number and self.rate:
                name = f"dropout_l{number - 1}"
                (x,) = self.graph.call(Dropout(self.rate, name=name, dtype=self.policy, flavour=_FLAVOUR), [x])
            x = self.layer(x, f"{self.prefix}_l{number}", directions)
        stacked = [self.stack(name, tensors) for name, tensors in self.states.items() if tensors]
        model = self.graph.model([x, *stacked], OUTPUT_NAMES[: 1 + len(stacked)])
        model.foreign_source = "pytorch"
        return model

    def layer(self, x: str, name: str, directions: tuple[DirectionWeights, ...]) -> str:
        """Add one layer, and its final states to those of the model; returns its output."""
        cell = self.cell(name)
        arrays = [array for direction in directions for array in _arrays(direction, self.weights.sizes.kind)]
        projections = [direction.weight_hr for direction in directions if direction.weight_hr is not None]
        if len(directions) == 1:
            output, *states = self.graph.call(cell, [x])
            cell.set_weights(arrays)
            if projections:
                output, states[0] = self.projected(f"{name}_proj", projections[0], [output, states[0]])
            self.keep(states)
            return output
        merge_mode = None if projections else "concat"
        both = Bidirectional(cell, merge_mode=merge_mode, name=name, dtype=self.policy, flavour=_FLAVOUR)
        made = list(self.graph.call(both, [x]))
        both.set_weights(arrays)
        outputs, states = made[: len(made) - 2 * len(cell.state_names)], made[-2 * len(cell.state_names) :]
        halves = [states[: len(states) // 2], states[len(states) // 2 :]]
        if projections:
            for place, end in enumerate(("forward", "backward")):
                given = [outputs[place], halves[place][0]]
                outputs[place], halves[place][0] = self.projected(f"{name}_proj_{end}", projections[place], given)
            merged = Concatenate(name=f"{name}_both", dtype=self.policy, flavour=_FLAVOUR)
            outputs = list(self.graph.call(merged, outputs))
        for half in halves:
            self.keep(half)
        return outputs[0]

    def keep(self, states: list[str]) -> None:
        """Add the final states of a direction to those of the model."""
        for tensors, state in zip(self.states.values(), states, strict=False):
            tensors.append(state)

    def cell(self, name: str) -> LSTM | GRU | SimpleRNN:
        """Return the layer of one direction."""
        sizes = self.weights.sizes
        settings: dict[str, Any] = {
            "use_bias": sizes.bias,
            "return_sequences": True,
            "return_state": True,
            "time_major": not self.batch_first,
            "zero_output_for_mask": True,
            "name": name,
            "dtype": self.policy,
            "flavour": _FLAVOUR,
        }
        if sizes.kind == "RNN":
            return SimpleRNN(sizes.hidden_size, activation=self.nonlinearity, **settings)
        settings |= {"activation": "tanh", "recurrent_activation": "sigmoid"}
        return LSTM(sizes.hidden_size, **settings) if sizes.kind == "LSTM" else GRU(sizes.hidden_size, **settings)

    def projected(self, name: str, weight_hr: NDArray[np.floating], tensors: list[str]) -> list[str]:
        """Return tensors of ``o * tanh(c)`` as the ``h`` that they are projected to."""
        dense = Dense(len(weight_hr), use_bias=False, name=name, dtype=self.policy, flavour=_FLAVOUR)
        results = [self.graph.call(dense, [tensor])[0] for tensor in tensors]
        dense.set_weights([weight_hr.T])
        return results

    def stack(self, name: str, tensors: list[str]) -> str:
        """Return states one above the other."""
        return self.graph.call(StackStates(name=name, dtype=self.policy, flavour=_FLAVOUR), tensors)[0]


def _arrays(direction: DirectionWeights, kind: str) -> list[NDArray[np.floating]]:
    """Kernel, recurrent kernel and bias: PyTorch's matrices stand on the left of what they multiply."""
    recurrent = direction.weight_hh
    if direction.weight_hr is not None:
        recurrent = recurrent.astype(np.float64) @ direction.weight_hr.astype(np.float64)
    arrays = [direction.weight_ih.T, recurrent.T, *([] if direction.bias is None else [direction.bias])]
    return [_update_first(array) for array in arrays] if kind == "GRU" else arrays


def _update_first(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """A GRU's gates in Keras's order."""
    reset, update, new = np.split(array, 3, axis=-1)
    return np.concatenate([update, reset, new], axis=-1)
