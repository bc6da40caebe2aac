"""Looking at the functions of a module, and rewriting them, without its kernels.

Kernels are at target level from the beginning and are most of a module's ops: a pass that looked at each of them would
spend its time there.
"""

from collections.abc import Iterator

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriteWalker, RewritePattern

from lstm_ir.dialect.dispatch_ops import ExecutableOp


def program_ops(module: ModuleOp) -> Iterator[Operation]:
    """Yield the ops of every function, and whatever else stands beside the kernels, in order; none may be erased."""
    for op in _outside_kernels(module):
        yield from op.walk()


def rewrite_program(module: ModuleOp, pattern: RewritePattern, *, apply_recursively: bool = True) -> None:
    """Apply a pattern to the ops of every function.

    Args:
        module: The module, changed in place.
        pattern: What to apply.
        apply_recursively: Whether ops that the pattern made are looked at again.
    """
    for op in tuple(_outside_kernels(module)):
        for region in op.regions:
            PatternRewriteWalker(pattern, apply_recursively=apply_recursively).rewrite_region(region)


def _outside_kernels(module: ModuleOp) -> Iterator[Operation]:
    return (op for op in module.body.block.ops if not isinstance(op, ExecutableOp))
