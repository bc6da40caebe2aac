"""Rewriting the functions of a module and leaving its kernels alone."""

from xdsl.dialects.builtin import ModuleOp
from xdsl.pattern_rewriter import PatternRewriteWalker, RewritePattern

from lstm_ir.dialect.dispatch_ops import ExecutableOp


def rewrite_program(module: ModuleOp, pattern: RewritePattern, *, apply_recursively: bool = True) -> None:
    """Apply a pattern to the ops of every function.

    Kernels are at target level from the beginning and are most of a module's ops: a pass that looked at each of them
    would spend its time there.

    Args:
        module: The module, changed in place.
        pattern: What to apply.
        apply_recursively: Whether ops that the pattern made are looked at again.
    """
    for op in tuple(module.body.block.ops):
        if isinstance(op, ExecutableOp):
            continue
        for region in op.regions:
            PatternRewriteWalker(pattern, apply_recursively=apply_recursively).rewrite_region(region)
