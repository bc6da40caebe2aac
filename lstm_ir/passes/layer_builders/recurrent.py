"""Recurrent layers, Bidirectional and RNN."""

from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Region, SSAValue

from lstm_ir.dialect.layer_ops import MergeOp, ReverseOp
from lstm_ir.dialect.lstm_layer_op import LayerDropout, LayerOp
from lstm_ir.dialect.shapes import shape_of
from lstm_ir.errors import UnsupportedError
from lstm_ir.layers import GRU, LSTM, RNN, Bidirectional, RecurrentLayer, SimpleRNN
from lstm_ir.passes.cells import gru_cell, resetting_gru_cell, simple_cell
from lstm_ir.passes.draw_dropout import Dropped, draw_dropout
from lstm_ir.passes.keras_scan import ScanSettings, keras_scan
from lstm_ir.passes.layer_scope import LayerScope, Operands, activation_attr, builds


@dataclass(frozen=True)
class ScanOperands:
    """What one scan of a layer is given.

    Attributes:
        suffix: What follows the layer's name in the names of its weights, states and scan; empty for a plain layer.
        x: Its input.
        mask: The input's mask.
        initial_state: The states to start from.
        fuses: Whether the layer has a route of its own in Keras, which a cell of an RNN has not.
    """

    suffix: str
    x: SSAValue
    mask: SSAValue | None
    initial_state: list[SSAValue]
    fuses: bool = True

    def weight_name(self, name: str) -> str:
        """Return the name of one of its weights in the layer."""
        return f"{self.suffix}/{name}" if self.suffix else name


@builds(RecurrentLayer, RNN)
def build_recurrent(b: LayerScope, layer: RecurrentLayer | RNN, call: Operands) -> list[SSAValue]:
    """Build a layer; its output, and with ``return_state`` its states."""
    outputs = build_cells(b, layer, "", call.x, call.mask, call.initial_state)
    return outputs if layer.return_state else outputs[:1]


@builds(Bidirectional)
def build_bidirectional(b: LayerScope, layer: Bidirectional, call: Operands) -> list[SSAValue]:
    """Build both directions and what merges them."""
    ahead = sum(len(cell.state_names) for _, cell in layer.forward_layer.recurrent_cells())
    starts = (call.initial_state[:ahead], call.initial_state[ahead:])
    built = [
        build_cells(b, copy, direction, call.x, call.mask, start)
        for (direction, copy), start in zip(layer.directions, starts, strict=True)
    ]
    (forward, *forward_states), (backward, *backward_states) = built
    if layer.forward_layer.return_sequences:
        backward = b.do(ReverseOp(backward, 0 if layer.forward_layer.time_major else 1))
    outputs = [forward, backward]
    if layer.merge_mode is not None:
        outputs = [b.do(MergeOp(layer.merge_mode, outputs))]
    if layer.forward_layer.return_state:
        outputs = [*outputs, *forward_states, *backward_states]
    return outputs


def build_cells(
    b: LayerScope,
    layer: RecurrentLayer | RNN,
    name: str,
    x: SSAValue,
    mask: SSAValue | None,
    initial_state: list[SSAValue],
) -> list[SSAValue]:
    """Build the scan of each cell of a layer, one behind the other; returns the output and all states.

    Args:
        b: Where to build.
        layer: The layer.
        name: What follows the name of the call's layer in the names of weights, states and scans; empty for itself.
        x: Its input.
        mask: The input's mask.
        initial_state: The states of all cells to start from; empty: the module's, which are left advanced.
    """
    left, finals = list(initial_state), list[SSAValue]()
    is_stateful = bool(getattr(b.call.layer, "stateful", False))
    for position, (inner, cell) in enumerate(layer.recurrent_cells()):
        suffix = "/".join(filter(None, (name, inner)))
        tail = f"/{suffix}" if suffix else ""
        state = (b.call.path if is_stateful else b.call.name) + tail
        names = [f"{state}/{part}" for part in cell.state_names]
        start = [left.pop(0) for _ in names] if initial_state else [b.context.states[part] for part in names]
        if position == 1 and mask is not None and layer.go_backwards:  # the outputs are in the order of the visits
            mask = b.do(ReverseOp(mask, 0 if layer.time_major else 1))
        x, *states = build_cell(b, cell, ScanOperands(suffix, x, mask, start, fuses=not isinstance(layer, RNN)))
        if not initial_state:
            b.context.states.update(zip(names, states, strict=True))
        finals += states
    return [x, *finals]


def build_cell(b: LayerScope, layer: RecurrentLayer, given: ScanOperands) -> list[SSAValue]:
    """Build one scan; returns the output and the states.

    Raises:
        UnsupportedError: The layer is given a mask, and takes none.
    """
    name = f"{b.call.name}/{given.suffix}" if given.suffix else b.call.name
    if given.mask is not None and layer.refuses_mask:
        raise UnsupportedError(f"layer {name!r}: a {layer.keras_class_name} cannot be called on an input with a mask")
    settings = ScanSettings(
        go_backwards=bool(layer.go_backwards),
        time_major=bool(layer.time_major),
        return_sequences=bool(layer.return_sequences),
        zero_output_for_mask=bool(layer.zero_output_for_mask),
        unroll=bool(layer.unroll),
    )
    if isinstance(layer, LSTM):
        return _build_lstm(b, layer, name, settings, given)
    cell, gates = _cell_of(b, layer, given)
    kernel, recurrent_kernel, *bias = _weights(b, layer, given, gates)
    first, second, _ = shape_of(given.x.type)
    shape = (first, second, layer.units) if layer.return_sequences else shape_of(given.initial_state[0].type)
    dropout, drawn = _layer_dropout(b, layer, given), Dropped(given.x)
    if dropout is not None:
        batch_axis = 1 if settings.time_major else 0
        h = given.initial_state[0]
        drawn = draw_dropout(b.insert, dropout, given.x, h, gates=gates, batch_axis=batch_axis)
    scan = keras_scan(
        name,
        settings,
        drawn.x,
        [kernel],
        [recurrent_kernel],
        bias,
        given.mask,
        given.initial_state,
        cell,
        output_type=TensorType(b.element, shape),
        input_dropout=drawn.input_dropout,
        recurrent_dropout=drawn.recurrent_dropout,
    )
    b.insert(scan)
    return list(scan.results)


def _weights(b: LayerScope, layer: RecurrentLayer, given: ScanOperands, gates: int) -> list[SSAValue]:
    """Return kernel, recurrent kernel and bias, if there is one, as `RecurrentLayer.code_weights` lays them out."""
    columns = gates * layer.units
    shapes = {
        "kernel": (shape_of(given.x.type)[-1], columns),
        "recurrent_kernel": (layer.units, columns),
        "bias": (columns,),
    }
    names = list(shapes) if layer.use_bias else list(shapes)[:2]
    return [b.weight(given.weight_name(name), shapes[name]) for name in names]


def _cell_of(b: LayerScope, layer: RecurrentLayer, given: ScanOperands) -> tuple[Region, int]:
    """Return the cell of a layer that is no LSTM, and how many gates it has."""
    activation = activation_attr(layer.activation)
    if isinstance(layer, GRU):
        gate = activation_attr(layer.recurrent_activation)
        if layer.reset_after:
            return gru_cell(layer.units, b.element, activation, gate), 4
        weights = b.weight(given.weight_name("reset_kernel"), (layer.units, layer.units))
        return resetting_gru_cell(layer.units, b.element, activation, gate, weights), 3
    return simple_cell(layer.units, b.element, activation), 1


def _build_lstm(b: LayerScope, layer: LSTM, name: str, settings: ScanSettings, given: ScanOperands) -> list[SSAValue]:
    kernel, recurrent_kernel, *bias = _weights(b, layer, given, layer.gate_count)
    h0, c0 = given.initial_state
    op = LayerOp(
        name,
        given.x,
        kernel,
        recurrent_kernel,
        bias[0] if bias else None,
        given.mask,
        h0,
        c0,
        activation=activation_attr(layer.activation),
        recurrent_activation=activation_attr(layer.recurrent_activation),
        go_backwards=settings.go_backwards,
        time_major=settings.time_major,
        return_sequences=settings.return_sequences,
        zero_output_for_mask=settings.zero_output_for_mask,
        unroll=settings.unroll,
        dropout=_layer_dropout(b, layer, given),
    )
    b.insert(op)
    return list(op.results)


def dropout_kind(layer: RecurrentLayer, *, fuses: bool = True) -> str:
    """Return what Keras draws a layer's input masks for: ``per_gate``, ``shared`` by the gates, or ``per_step``.

    Source: the Keras layers. ``implementation`` 1 computes a product for each gate and has a mask for each. tf.keras's
    v2 layers drop whole sequences at once where they take their fused route.

    Args:
        layer: The layer.
        fuses: Whether it can take that: a cell of an RNN cannot.
    """
    if isinstance(layer, SimpleRNN):
        return "shared"
    fused = (
        fuses
        and layer.flavour == "keras2"
        and layer.activation.name == "tanh"
        and layer.recurrent_activation.name == "sigmoid"
        and layer.recurrent_dropout == 0
        and layer.use_bias
        and not layer.unroll
        and (not isinstance(layer, GRU) or layer.reset_after)
    )
    if fused:
        return "per_step"
    return "per_gate" if layer.implementation == 1 else "shared"


def _layer_dropout(b: LayerScope, layer: RecurrentLayer, given: ScanOperands) -> LayerDropout | None:
    seed = b.context.seed
    if seed is None or not (layer.dropout or layer.recurrent_dropout):
        return None
    kind = dropout_kind(layer, fuses=given.fuses)
    return LayerDropout(seed, float(layer.dropout), float(layer.recurrent_dropout), kind, next(b.context.streams))
