"""One LSTM, and one Bidirectional, step by step in float64."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.lstm import LSTM
from lstm_ir.reference.activations import apply_activation
from lstm_ir.reference.rounding import Float64, round_to


@dataclass(frozen=True)
class LSTMResult:
    """What one run gives, in float64.

    Attributes:
        output: (batch, units); if ``return_sequences`` (batch, time, units), or (time, batch, units) if
            ``time_major``, in the order in which the steps were visited.
        h: the final output state, (batch, units).
        c: the final carry state, (batch, units).
    """

    output: Float64
    h: Float64
    c: Float64


@dataclass(frozen=True)
class BidirectionalResult:
    """What one run gives.

    Attributes:
        outputs: the merged output, or with ``merge_mode=None`` the forward and the backward one.
        forward: the result of the forward copy.
        backward: the result of the backward copy, its sequence in visiting order.
    """

    outputs: list[Float64]
    forward: LSTMResult
    backward: LSTMResult


def run_lstm(layer: LSTM, x: Any, mask: Any = None, initial_state: Sequence[Any] | None = None) -> LSTMResult:
    """Run a built LSTM outside training, as Keras does.

    Inputs, weights and initial states are first rounded to the layer's compute dtype, as Keras casts them; all
    arithmetic is float64. A stateful layer's state is the caller's business. Unrolling changes one thing, as in Keras:
    a backward sequence with ``zero_output_for_mask`` first repeats outputs at masked steps, and is then zeroed by the
    mask in the order of the input, although the outputs are in the order of the visits.

    Args:
        layer: the layer, built.
        x: (batch, time, features), or (time, batch, features) if ``time_major``.
        mask: (batch, time), or (time, batch) if ``time_major``; true where it differs from zero. None: all true.
        initial_state: [h, c], each (batch, units); None: zeros.

    Raises:
        ArgumentError: a wrong rank or shape, no time step, or a layer that is not built.
        ArgumentTypeError: an array that does not hold real numbers.
    """
    if not layer.built:
        raise ArgumentError(f"layer: {layer.name!r} is not built, call build(input_shape) first")
    dtype, units = layer.compute_dtype, layer.units
    x = round_to(x, dtype)
    layer.check_input_shape(x.shape)
    if not layer.time_major:
        x = x.swapaxes(0, 1)
    steps, batch = x.shape[:2]
    if steps == 0:
        raise ArgumentError("x: got no time step, expected one or more")
    keep = _time_major_mask(mask, layer, steps, batch)
    h, c = _initial_state(initial_state, layer, batch)

    weights = [round_to(weight, dtype) for weight in layer.get_weights()]
    kernel, recurrent_kernel = weights[:2]
    bias = weights[2] if layer.use_bias else np.zeros(4 * units)

    def gate(z: Float64) -> Float64:
        return apply_activation(layer.recurrent_activation, z, dtype)

    def squash(z: Float64) -> Float64:
        return apply_activation(layer.activation, z, dtype)

    zeroes_misplaced = bool(
        layer.unroll and layer.go_backwards and layer.zero_output_for_mask and layer.return_sequences
    )
    zeroes_masked = layer.zero_output_for_mask and not zeroes_misplaced
    outputs = []
    previous_output = np.zeros((batch, units))  # not the initial h: before the first valid step the output is zero
    order = reversed(range(steps)) if layer.go_backwards else range(steps)
    with np.errstate(all="ignore"):
        for t in order:
            z = x[t] @ kernel + h @ recurrent_kernel + bias
            zi, zf, zc, zo = (z[:, k * units : (k + 1) * units] for k in range(4))
            i, f, o = gate(zi), gate(zf), gate(zo)
            new_c = f * c + i * squash(zc)
            new_h = o * squash(new_c)

            m = keep[t][:, np.newaxis]
            masked_output = np.zeros_like(new_h) if zeroes_masked else previous_output
            output = np.where(m, new_h, masked_output)
            h, c = np.where(m, new_h, h), np.where(m, new_c, c)
            previous_output = output
            outputs.append(output)

    if not layer.return_sequences:
        return LSTMResult(outputs[-1], h, c)
    if zeroes_misplaced:
        outputs = [np.where(keep[k][:, np.newaxis], output, 0.0) for k, output in enumerate(outputs)]
    return LSTMResult(np.stack(outputs, axis=0 if layer.time_major else 1), h, c)


def run_bidirectional(
    layer: Bidirectional, x: Any, mask: Any = None, initial_state: Sequence[Any] | None = None
) -> BidirectionalResult:
    """Run a built Bidirectional outside training; the wrapper's own compute dtype rounds the input first.

    Args:
        layer: the wrapper, built.
        x: as for `run_lstm`.
        mask: as for `run_lstm`; both copies get it.
        initial_state: [forward h, forward c, backward h, backward c], or None for zeros.

    Raises:
        ArgumentError: a wrong shape or count, see `run_lstm`.
        ArgumentTypeError: an array that does not hold real numbers.
    """
    ahead: Sequence[Any] | None = None
    behind: Sequence[Any] | None = None
    if initial_state is not None:
        if len(initial_state) != 4:
            raise ArgumentError(f"initial_state: got {len(initial_state)} arrays, expected 4")
        ahead, behind = initial_state[:2], initial_state[2:]
    x = round_to(x, layer.compute_dtype)
    forward = run_lstm(layer.forward_layer, x, mask, ahead)
    backward = run_lstm(layer.backward_layer, x, mask, behind)
    y, y_rev = forward.output, backward.output
    if layer.return_sequences:
        y_rev = np.flip(y_rev, axis=0 if layer.time_major else 1)
    outputs = [y, y_rev] if layer.merge_mode is None else [_merge(layer.merge_mode, y, y_rev)]
    return BidirectionalResult(outputs, forward, backward)


def _merge(mode: str, y: Float64, y_rev: Float64) -> Float64:
    if mode == "concat":
        return np.concatenate([y, y_rev], axis=-1)
    if mode == "mul":
        return y * y_rev
    assert mode in ("sum", "ave")
    return y + y_rev if mode == "sum" else (y + y_rev) / 2.0


def _time_major_mask(mask: Any, layer: LSTM, steps: int, batch: int) -> NDArray[np.bool_]:
    if mask is None:
        return np.ones((steps, batch), dtype=np.bool_)
    given = np.asarray(mask)
    expected = (steps, batch) if layer.time_major else (batch, steps)
    if given.shape != expected:
        raise ArgumentError(f"mask: got shape {given.shape}, expected {expected}")
    keep: NDArray[np.bool_] = np.not_equal(given, 0)
    return keep if layer.time_major else keep.T


def _initial_state(initial_state: Sequence[Any] | None, layer: LSTM, batch: int) -> tuple[Float64, Float64]:
    expected = (batch, layer.units)
    if initial_state is None:
        return np.zeros(expected), np.zeros(expected)
    if len(initial_state) != 2:
        raise ArgumentError(
            f"initial_state: layer {layer.name!r} has 2 states but was passed {len(initial_state)} initial states"
        )
    states = [round_to(state, layer.compute_dtype) for state in initial_state]
    for name, state in zip("hc", states, strict=True):
        if state.shape != expected:
            raise ArgumentError(f"initial_state: {name} has shape {state.shape}, expected {expected}")
    return states[0], states[1]
