"""LSTM and Bidirectional."""

from xdsl.ir import SSAValue

from lstm_ir.dialect.layer_ops import MergeOp, ReverseOp
from lstm_ir.dialect.lstm_layer_op import LayerDropout, LayerOp
from lstm_ir.layers import LSTM, Bidirectional
from lstm_ir.passes.layer_scope import LayerScope, Operands, activation_attr, builds


@builds(LSTM)
def build_lstm(b: LayerScope, layer: LSTM, call: Operands) -> list[SSAValue]:
    """Build a layer; its output, and with ``return_state`` h and c."""
    outputs = build_cell(b, layer, "", call.x, call.mask, call.initial_state)
    return outputs if layer.return_state else outputs[:1]


@builds(Bidirectional)
def build_bidirectional(b: LayerScope, layer: Bidirectional, call: Operands) -> list[SSAValue]:
    """Build both directions and what merges them."""
    ahead, behind = call.initial_state[:2], call.initial_state[2:]
    forward, *forward_states = build_cell(b, layer.forward_layer, "forward", call.x, call.mask, ahead)
    backward, *backward_states = build_cell(b, layer.backward_layer, "backward", call.x, call.mask, behind)
    if layer.forward_layer.return_sequences:
        backward = b.do(ReverseOp(backward, 0 if layer.forward_layer.time_major else 1))
    outputs = [forward, backward]
    if layer.merge_mode is not None:
        outputs = [b.do(MergeOp(layer.merge_mode, outputs))]
    if layer.forward_layer.return_state:
        outputs = [*outputs, *forward_states, *backward_states]
    return outputs


def build_cell(
    b: LayerScope, layer: LSTM, suffix: str, x: SSAValue, mask: SSAValue | None, initial_state: list[SSAValue]
) -> list[SSAValue]:
    """Build one scan; returns output, h and c.

    Args:
        b: Where to build.
        layer: The LSTM.
        suffix: What follows the layer's name in the names of its weights, states and scan; empty for a plain layer.
        x: Its input.
        mask: The input's mask.
        initial_state: h and c to start from; empty: the module's state, which is left advanced.
    """
    inner = f"{suffix}/" if suffix else ""
    tail = f"/{suffix}" if suffix else ""
    weights = [b.weight(f"{inner}{spec.name}") for spec in layer.weight_specs()]
    is_stateful = bool(getattr(b.call.layer, "stateful", False))
    state = (b.call.path if is_stateful else b.call.name) + tail
    states = b.context.states
    h0, c0 = initial_state or (states[f"{state}/h"], states[f"{state}/c"])
    op = LayerOp(
        b.call.name + tail,
        x,
        weights[0],
        weights[1],
        weights[2] if layer.use_bias else None,
        mask,
        h0,
        c0,
        activation=activation_attr(layer.activation),
        recurrent_activation=activation_attr(layer.recurrent_activation),
        go_backwards=bool(layer.go_backwards),
        time_major=bool(layer.time_major),
        return_sequences=bool(layer.return_sequences),
        zero_output_for_mask=bool(layer.zero_output_for_mask),
        unroll=bool(layer.unroll),
        dropout=_layer_dropout(b, layer),
    )
    b.insert(op)
    output, h, c = op.results
    if not initial_state:
        states[f"{state}/h"], states[f"{state}/c"] = h, c
    return [output, h, c]


def dropout_kind(layer: LSTM) -> str:
    """Return what Keras draws a layer's input masks for: ``per_gate``, ``shared`` by the gates, or ``per_step``.

    Source: the Keras layers. ``implementation`` 1 computes four products and has a mask for each. tf.keras's v2 layer
    drops whole sequences at once where it takes its fused route.
    """
    fused = (
        layer.flavour == "keras2"
        and layer.activation.name == "tanh"
        and layer.recurrent_activation.name == "sigmoid"
        and layer.recurrent_dropout == 0
        and layer.use_bias
        and not layer.unroll
    )
    if fused:
        return "per_step"
    return "per_gate" if layer.implementation == 1 else "shared"


def _layer_dropout(b: LayerScope, layer: LSTM) -> LayerDropout | None:
    seed = b.context.seed
    if seed is None or not (layer.dropout or layer.recurrent_dropout):
        return None
    kind = dropout_kind(layer)
    return LayerDropout(seed, float(layer.dropout), float(layer.recurrent_dropout), kind, next(b.context.streams))
