"""An LSTM with dropout active, in float64: the masks are the documented function of the seed (docs/keras.md)."""

from typing import Any

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers import LSTM, Model
from lstm_ir.reference import apply_activation
from lstm_ir.tools.bench.network import Array

_WORD = np.uint64(0xFFFFFFFF)
_PARITY = np.uint64(0x1BD11BDA)
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_INPUT_STREAM, _STATE_STREAM = 0, 1


def run_with_dropout(model: Model, x: Array, seed: int) -> list[Array]:
    """Run a model of one LSTM that drops by gate (implementation 1), in training.

    Args:
        model: The model, built.
        x: (batch, time, features), or (time, batch, features) if the layer is time-major.
        seed: What the masks are drawn from, 0 to 2**64 - 1.

    Raises:
        UnsupportedError: Another model.
    """
    layer = model.layers[0]
    if len(model.layers) != 1 or not isinstance(layer, LSTM) or layer.implementation != 1:
        raise UnsupportedError("the reference of training is for one LSTM with implementation=1")
    steps = np.asarray(x, np.float64) if layer.time_major else np.asarray(x, np.float64).swapaxes(0, 1)
    batch, units = steps.shape[1], layer.units
    weights = [weight.astype(np.float64) for weight in layer.get_weights()]
    kernel, recurrent_kernel = (np.split(weight, 4, axis=1) for weight in weights[:2])
    bias = np.split(weights[2] if layer.use_bias else np.zeros(4 * units), 4)
    x_masks = _masks((4, batch, steps.shape[2]), layer.dropout, _INPUT_STREAM, seed)
    h_masks = _masks((4, batch, units), layer.recurrent_dropout, _STATE_STREAM, seed)
    h = c = np.zeros((batch, units))
    outputs = []
    for xt in steps[::-1] if layer.go_backwards else steps:
        zi, zf, zc, zo = (
            (xt * x_masks[g]) @ kernel[g] + (h * h_masks[g]) @ recurrent_kernel[g] + bias[g] for g in range(4)
        )
        i, f, o = (apply_activation(layer.recurrent_activation, z, layer.compute_dtype) for z in (zi, zf, zo))
        c = f * c + i * apply_activation(layer.activation, zc, layer.compute_dtype)
        h = o * apply_activation(layer.activation, c, layer.compute_dtype)
        outputs.append(h)
    output = np.stack(outputs, 0 if layer.time_major else 1) if layer.return_sequences else h
    return [output, h, c] if layer.return_state else [output]


def _masks(shape: tuple[int, ...], rate: float, stream: int, seed: int) -> Array:
    """Return 0 where an element is dropped, else 1 / (1 - rate)."""
    if rate == 0:
        return np.ones(shape)
    key = (np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32))
    places = np.arange(int(np.prod(shape)), dtype=np.uint64).reshape(shape)
    bits = _threefry(key, places, np.full(shape, stream, np.uint64))
    uniform = (bits >> np.uint64(8)).astype(np.float64) / 2**24
    return np.where(uniform >= rate, 1 / (1 - rate), 0.0)


def _threefry(key: tuple[Any, Any], first: Array, second: Array) -> Array:
    """Return the first word of Threefry-2x32 with 20 rounds (Salmon and others, 2011), 32 bits in 64."""
    schedule = (*key, key[0] ^ key[1] ^ _PARITY)
    first, second = (first + key[0]) & _WORD, (second + key[1]) & _WORD
    for group in range(5):
        for bits in _ROTATIONS[group % 2]:
            first = (first + second) & _WORD
            second = ((second << np.uint64(bits)) | (second >> np.uint64(32 - bits))) & _WORD
            second = second ^ first
        first = (first + schedule[(group + 1) % 3]) & _WORD
        second = (second + schedule[(group + 2) % 3] + np.uint64(group + 1)) & _WORD
    return first
