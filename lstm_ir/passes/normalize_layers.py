"""Pass lstm-normalize: whole layers become scans with index maps."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
    op_type_rewrite_pattern,
)

from lstm_ir.dialect.index_maps import describe, flipped
from lstm_ir.dialect.layer_ops import ReverseOp
from lstm_ir.dialect.lstm_layer_op import LayerDropout, LayerOp
from lstm_ir.dialect.recurrence_ops import GateOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.dialect.shapes import element_type, shape_of
from lstm_ir.passes.cells import lstm_cell
from lstm_ir.passes.draw_dropout import Dropped, draw_dropout
from lstm_ir.passes.keras_scan import ScanSettings, keras_scan

GATES = 4


def dropped(op: LayerOp, rewriter: PatternRewriter) -> Dropped:
    """Draw a layer's dropout masks; outside training there are none."""
    if op.seed is None:
        return Dropped(op.input)
    assert op.dropout is not None
    assert op.recurrent_dropout is not None
    assert op.dropout_kind is not None
    assert op.stream is not None
    dropout = LayerDropout(
        op.seed,
        op.dropout.value.data,
        op.recurrent_dropout.value.data,
        op.dropout_kind.data,
        op.stream.value.data,
    )
    batch_axis = 1 if op.time_major is not None else 0
    return draw_dropout(rewriter.insert, dropout, op.input, op.h0, gates=GATES, batch_axis=batch_axis)


class LayerToScan(RewritePattern):
    """lstm.layer to lstm.scan with one kernel a gate."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: LayerOp, rewriter: PatternRewriter) -> None:
        """Rewrite one layer."""

        def gates_of(packed: SSAValue | None) -> list[SSAValue]:
            if packed is None:
                return []
            gates = [GateOp(packed, index, GATES) for index in range(GATES)]
            rewriter.insert(gates)
            return [gate.result for gate in gates]

        settings = ScanSettings(
            go_backwards=op.go_backwards is not None,
            time_major=op.time_major is not None,
            return_sequences=op.return_sequences is not None,
            zero_output_for_mask=op.zero_output_for_mask is not None,
            unroll=op.unroll is not None,
        )
        cell = lstm_cell(shape_of(op.h0.type)[-1], element_type(op.h0.type), op.activation, op.recurrent_activation)
        drawn = dropped(op, rewriter)
        rewriter.replace(
            op,
            keras_scan(
                op.layer.data,
                settings,
                drawn.x,
                gates_of(op.kernel),
                gates_of(op.recurrent_kernel),
                gates_of(op.bias),
                op.mask,
                [op.h0, op.c0],
                cell,
                output_type=op.output.type,
                input_dropout=drawn.input_dropout,
                recurrent_dropout=drawn.recurrent_dropout,
            ),
        )


class FoldReverse(RewritePattern):
    """A reversed output of a scan is the scan with its output map reversed, if nobody else reads it."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ReverseOp, rewriter: PatternRewriter) -> None:
        """Fold one reversal along time."""
        scan = op.input.owner
        if not isinstance(scan, ScanOp) or op.input is not scan.output or scan.output_map is None:
            return
        known = describe(scan.output_map)
        time_axis = 0 if known is not None and known[0] else 1
        if op.axis.value.data != time_axis or not op.input.has_one_use():
            return
        scan.output_map = flipped(scan.output_map)
        rewriter.replace(op, [], [op.input])


@dataclass(frozen=True)
class NormalizeLayersPass(ModulePass):
    """Turn direction, layout and mask of whole layers into index maps and operands of scans.

    Before: ``%y, %h, %c = lstm.layer %x kernel(%K) ... {go_backwards, ...}``, ``%z = lstm.reverse %y``
    After: ``%z, %h, %c = lstm.scan input(%x) kernels(%Ki, ...) ... {input_map = (k, b)[T] -> (b, T - k - 1), ...}``

    The cell becomes a region on gate vectors. A reversal of anything but a scan's only output stays as it is.
    """

    name = "lstm-normalize"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        PatternRewriteWalker(GreedyRewritePatternApplier([LayerToScan(), FoldReverse()])).rewrite_module(op)
