"""Pass lstm-check-stage: a module holds nothing that an earlier stage should have removed."""

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from lstm_ir.dialect.lstm_layer_op import LayerOp
from lstm_ir.dialect.scan_op import ScanOp

TARGET_DIALECTS = frozenset(
    {
        "arith",
        "builtin",
        "flow",
        "func",
        "gpu",
        "linalg",
        "llvm",
        "math",
        "memref",
        "scf",
        "stream",
        "tensor",
        "util",
        "vector",
    }
)
"""Dialects of the target level, all read by IREE."""


def _recurrence(op: Operation) -> str | None:
    if isinstance(op, LayerOp):
        return "whole layers become scans in lstm-normalize"
    if not isinstance(op, ScanOp):
        return None
    if not op.is_fused:
        return "the gates of a scan are fused by lstm-fuse-gates"
    if op.form is None:
        return "every scan needs a form, from lstm-choose-form"
    if not op.is_hoisted and not op.runs_kernel:
        return "the projection of a scan that no kernel runs is hoisted by lstm-hoist-projection"
    return None


def _target(op: Operation) -> str | None:
    dialect = op.name.split(".", maxsplit=1)[0]
    return None if dialect in TARGET_DIALECTS else f"dialect {dialect!r} is not read by IREE"


STAGES = {"recurrence": _recurrence, "target": _target}
"""What each stage forbids, by its name."""


@dataclass(frozen=True)
class CheckStagePass(ModulePass):
    """Fail if an op does not belong to a stage; the module is not changed.

    Options: ``stage``: ``recurrence`` (scans fused, hoisted and with a form) or ``target`` (only what IREE reads).

    Raises:
        PassFailedException: Naming the first op that does not belong, and the pass that should have removed it.
    """

    name = "lstm-check-stage"

    stage: str

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Check the module."""
        if self.stage not in STAGES:
            raise PassFailedException(f"lstm-check-stage: stage {self.stage!r} is not one of {', '.join(STAGES)}")
        for inner in op.walk():
            reason = STAGES[self.stage](inner)
            if reason is not None:
                raise PassFailedException(f"lstm-check-stage{{stage={self.stage}}}: {inner.name} remains: {reason}")
