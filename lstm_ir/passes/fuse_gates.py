"""Pass lstm-fuse-gates: one packed matrix instead of one a gate."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker, RewritePattern, op_type_rewrite_pattern

from lstm_ir.dialect.recurrence_ops import GateOp, PackOp
from lstm_ir.dialect.scan_op import ScanOp


def packed_source(gates: Sequence[SSAValue]) -> SSAValue | None:
    """Return the weight that the values are all the gates of, in order; None if they are not."""
    owners = [value.owner for value in gates]
    if not all(isinstance(owner, GateOp) for owner in owners):
        return None
    sources = {owner.packed for owner in owners if isinstance(owner, GateOp)}
    order = [(owner.index.value.data, owner.of.value.data) for owner in owners if isinstance(owner, GateOp)]
    if len(sources) != 1 or order != [(number, len(gates)) for number in range(len(gates))]:
        return None
    return sources.pop()


class FuseGates(RewritePattern):
    """Pack kernels, recurrent kernels and biases of a scan."""

    @op_type_rewrite_pattern
    def match_and_rewrite(self, op: ScanOp, rewriter: PatternRewriter) -> None:
        """Rewrite one scan."""
        if op.is_fused:
            return

        def pack(gates: Sequence[SSAValue]) -> list[SSAValue]:
            if len(gates) <= 1:
                return list(gates)
            whole = packed_source(gates)
            if whole is None:
                packed = PackOp(gates)
                rewriter.insert(packed)
                whole = packed.result
            return [whole]

        kernels, recurrent_kernels, biases = pack(op.kernels), pack(op.recurrent_kernels), pack(op.biases)
        fused = op.rebuilt(
            rewriter.move_region_contents_to_new_regions(op.cell),
            input=op.input,
            kernels=kernels,
            recurrent_kernels=recurrent_kernels,
            biases=biases,
            input_dropout=op.input_dropout,
        )
        unused = [value.owner for value in (*op.kernels, *op.recurrent_kernels, *op.biases)]
        rewriter.replace(op, fused)
        for gate in unused:
            if isinstance(gate, GateOp) and not gate.result.uses:
                rewriter.erase(gate)


@dataclass(frozen=True)
class FuseGatesPass(ModulePass):
    """Give every scan one packed kernel, recurrent kernel and bias, so that a step is one product.

    Before: ``lstm.scan ... kernels(%Ki, %Kf, %Kc, %Ko) recurrent_kernels(%Ri, %Rf, %Rc, %Ro)``
    After: ``lstm.scan ... kernels(%K) recurrent_kernels(%R)``

    Gates that were cut from one matrix in order give that matrix back; others are put side by side by ``lstm.pack``.
    """

    name = "lstm-fuse-gates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        PatternRewriteWalker(FuseGates(), apply_recursively=False).rewrite_module(op)
