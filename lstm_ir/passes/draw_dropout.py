"""The dropout masks of one recurrent layer in training: drawn, and applied to its input where all gates share one."""

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.ir import Operation, SSAValue

from lstm_ir.dialect.dropout_ops import DropOp, DropoutMaskOp
from lstm_ir.dialect.lstm_layer_op import LayerDropout


@dataclass(frozen=True)
class Dropped:
    """What a scan is given in training.

    Attributes:
        x: Its input.
        input_dropout: The masks that each gate applies to it by itself, [G, B, I].
        recurrent_dropout: Those for h, [G, B, U].
    """

    x: SSAValue
    input_dropout: SSAValue | None = None
    recurrent_dropout: SSAValue | None = None


def draw_dropout(
    insert: Callable[[Operation], object],
    dropout: LayerDropout,
    x: SSAValue,
    h: SSAValue,
    *,
    gates: int,
    batch_axis: int,
) -> Dropped:
    """Draw the masks of a layer.

    Args:
        insert: Inserts an op.
        dropout: Rates, and what is drawn.
        x: The layer's input.
        h: The state that it starts from.
        gates: G.
        batch_axis: Of the input.
    """

    def mask(like: SSAValue, kind: str, rate: float, number: int, axis: int) -> SSAValue:
        stream = 2 * dropout.stream + number
        drawn = DropoutMaskOp(dropout.seed, like, kind=kind, rate=rate, stream=stream, gates=gates, batch_axis=axis)
        insert(drawn)
        return drawn.result

    input_dropout = recurrent_dropout = None
    if dropout.rate > 0:
        drawn = mask(x, dropout.kind, dropout.rate, 0, batch_axis)
        if dropout.kind == "per_gate":
            input_dropout = drawn
        else:
            drop = DropOp(x, drawn, batch_axis=batch_axis)
            insert(drop)
            x = drop.result
    if dropout.recurrent_rate > 0:
        recurrent_dropout = mask(h, "per_gate", dropout.recurrent_rate, 1, 0)
    return Dropped(x, input_dropout, recurrent_dropout)
