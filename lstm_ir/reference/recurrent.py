"""One recurrent layer, and one Bidirectional, step by step in float64."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.rnn import RNN
from lstm_ir.reference.cells import cell_of
from lstm_ir.reference.rounding import Float64, round_to


@dataclass(frozen=True)
class RecurrentResult:
    """What one run gives, in float64.

    Attributes:
        output: (batch, units); if ``return_sequences`` (batch, time, units), or (time, batch, units) if
            ``time_major``, in the order in which the steps were visited.
        states: the final states of every cell, (batch, units) each, h first.
    """

    output: Float64
    states: list[Float64]

    @property
    def h(self) -> Float64:
        """The final output state of the first cell."""
        return self.states[0]

    @property
    def c(self) -> Float64:
        """The final carry state of the first cell, which is an LSTM."""
        return self.states[1]


@dataclass(frozen=True)
class BidirectionalResult:
    """What one run gives.

    Attributes:
        outputs: the merged output, or with ``merge_mode=None`` the forward and the backward one.
        forward: the result of the forward copy.
        backward: the result of the backward copy, its sequence in visiting order.
    """

    outputs: list[Float64]
    forward: RecurrentResult
    backward: RecurrentResult


def run_lstm(layer: LSTM, x: Any, mask: Any = None, initial_state: Sequence[Any] | None = None) -> RecurrentResult:
    """Run a built LSTM outside training, see `run_recurrent`."""
    return run_recurrent(layer, x, mask, initial_state)


def run_recurrent(
    layer: RecurrentLayer | RNN, x: Any, mask: Any = None, initial_state: Sequence[Any] | None = None
) -> RecurrentResult:
    """Run a built layer outside training, as Keras does.

    Inputs, weights and initial states are first rounded to the layer's compute dtype, as Keras casts them; all
    arithmetic is float64. A stateful layer's state is the caller's business. Unrolling changes one thing, as in Keras:
    a backward sequence with ``zero_output_for_mask`` first repeats outputs at masked steps, and is then zeroed by the
    mask in the order of the input, although the outputs are in the order of the visits.

    Args:
        layer: the layer, built.
        x: (batch, time, features), or (time, batch, features) if ``time_major``.
        mask: (batch, time), or (time, batch) if ``time_major``; true where it differs from zero. None: all true.
        initial_state: the states, h first, each (batch, units); None or empty: zeros.

    Raises:
        ArgumentError: a wrong rank or shape, no time step, or a layer that is not built.
        ArgumentTypeError: an array that does not hold real numbers.
    """
    if isinstance(layer, RNN):
        return _run_stack(layer, x, mask, initial_state)
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
    states = _initial_state(initial_state, layer, batch)
    cell = cell_of(layer, [round_to(weight, dtype) for weight in layer.plain_weights()])

    zeroes_misplaced = bool(
        layer.unroll and layer.go_backwards and layer.zero_output_for_mask and layer.return_sequences
    )
    zeroes_masked = layer.zero_output_for_mask and not zeroes_misplaced
    outputs = []
    previous_output = np.zeros((batch, units))  # not the initial h: before the first valid step the output is zero
    order = reversed(range(steps)) if layer.go_backwards else range(steps)
    with np.errstate(all="ignore"):
        for t in order:
            after = cell(x[t], states)

            m = keep[t][:, np.newaxis]
            masked_output = np.zeros_like(after[0]) if zeroes_masked else previous_output
            output = np.where(m, after[0], masked_output)
            states = [np.where(m, new, old) for new, old in zip(after, states, strict=True)]
            previous_output = output
            outputs.append(output)

    if not layer.return_sequences:
        return RecurrentResult(outputs[-1], states)
    if zeroes_misplaced:
        outputs = [np.where(keep[k][:, np.newaxis], output, 0.0) for k, output in enumerate(outputs)]
    return RecurrentResult(np.stack(outputs, axis=0 if layer.time_major else 1), states)


def _run_stack(layer: RNN, x: Any, mask: Any, initial_state: Sequence[Any] | None) -> RecurrentResult:
    """Run the cells one behind the other, all with the mask of the input's steps."""
    rest = list(initial_state or [])
    states: list[Float64] = []
    for position, cell in enumerate(layer.cells):
        start, rest = rest[: len(cell.state_names)], rest[len(cell.state_names) :]
        if position == 1 and layer.go_backwards and mask is not None:  # the outputs are in the order of the visits
            mask = np.flip(mask, axis=0 if layer.time_major else 1)
        result = run_recurrent(cell, x, mask, start)
        x = result.output
        states += result.states
    return RecurrentResult(x, states)


def run_bidirectional(
    layer: Bidirectional, x: Any, mask: Any = None, initial_state: Sequence[Any] | None = None
) -> BidirectionalResult:
    """Run a built Bidirectional outside training; the wrapper's own compute dtype rounds the input first.

    Args:
        layer: the wrapper, built.
        x: as for `run_recurrent`.
        mask: as for `run_recurrent`; both copies get it.
        initial_state: the states of the forward copy, then those of the backward copy; None or empty: zeros.

    Raises:
        ArgumentError: a wrong shape or count, see `run_recurrent`.
        ArgumentTypeError: an array that does not hold real numbers.
    """
    given = list(initial_state or [])
    count = sum(len(cell.state_names) for _, cell in layer.recurrent_cells())
    if given and len(given) != count:
        raise ArgumentError(f"initial_state: got {len(given)} arrays, expected {count}")
    x = round_to(x, layer.compute_dtype)
    ahead = sum(len(cell.state_names) for _, cell in layer.forward_layer.recurrent_cells())
    forward = run_recurrent(layer.forward_layer, x, mask, given[:ahead])
    backward = run_recurrent(layer.backward_layer, x, mask, given[ahead:])
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


def _time_major_mask(mask: Any, layer: RecurrentLayer, steps: int, batch: int) -> NDArray[np.bool_]:
    if mask is None:
        return np.ones((steps, batch), dtype=np.bool_)
    given = np.asarray(mask)
    expected = (steps, batch) if layer.time_major else (batch, steps)
    if given.shape != expected:
        raise ArgumentError(f"mask: got shape {given.shape}, expected {expected}")
    keep: NDArray[np.bool_] = np.not_equal(given, 0)
    return keep if layer.time_major else keep.T


def _initial_state(initial_state: Sequence[Any] | None, layer: RecurrentLayer, batch: int) -> list[Float64]:
    expected = (batch, layer.units)
    if not initial_state:
        return [np.zeros(expected) for _ in layer.state_names]
    if len(initial_state) != len(layer.state_names):
        raise ArgumentError(
            f"initial_state: layer {layer.name!r} has {len(layer.state_names)} states but was passed "
            f"{len(initial_state)} initial states"
        )
    states = [round_to(state, layer.compute_dtype) for state in initial_state]
    for name, state in zip(layer.state_names, states, strict=True):
        if state.shape != expected:
            raise ArgumentError(f"initial_state: {name} has shape {state.shape}, expected {expected}")
    return states
