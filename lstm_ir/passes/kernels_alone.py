"""Modules whose tensors only go through our kernels: what IREE need not do for them.

IREE's own route compiles any tensor program. It forms dispatches, cleans up after each of a dozen stages (for which it
collects the patterns of all dialects once a function) and links a C library into every executable, of which the linker
then drops what is not called. A layer that is kernels alone has its dispatches already and calls no library: that is
half of IREE's time.
"""

from xdsl.dialects.builtin import ModuleOp, TensorType

from lstm_ir.dialect.dispatch_ops import ExecutableOp
from lstm_ir.passes.iree_session import Shortcut
from lstm_ir.passes.program_rewrite import program_ops

_PROGRAM = frozenset(
    {
        "flow.dispatch",
        "func.call",
        "func.func",
        "func.return",
        "hal.tensor.alias",
        "hal.tensor.barrier",
        "hal.tensor.import",
        "linalg.fill",
        "linalg.yield",
        "scf.if",
        "scf.yield",
        "tensor.dim",
        "tensor.empty",
        "util.global",
        "util.global.load",
        "util.global.store",
    }
)
"""Ops beside index arithmetic that need no dispatch of IREE's making."""
_INSTRUCTIONS = frozenset({"math.absf", "math.fma"})
"""Ops of the dialect math that are instructions wherever kernels use them; others may be calls."""


def _kernels(module: ModuleOp) -> list[ExecutableOp]:
    return [op for op in module.body.block.ops if isinstance(op, ExecutableOp)]


def runs_kernels_alone(module: ModuleOp) -> bool:
    """Return whether a target-level module dispatches our kernels and computes nothing else on tensors."""
    return bool(_kernels(module)) and all(
        op.name in _PROGRAM or (op.name.startswith("arith.") and not isinstance(op.results[0].type, TensorType))
        for op in program_ops(module)
    )


def calls_no_library(module: ModuleOp) -> bool:
    """Return whether the kernels of a module are instructions alone: no function of a C library is called."""
    return all(
        op.name in _INSTRUCTIONS or not (op.name.startswith("math.") or op.name == "arith.remf")
        for kernel in _kernels(module)
        for op in kernel.walk()
    )


def executables_apart(module: ModuleOp) -> frozenset[str]:
    """Return which executables IREE need not link into one: where no library is linked, the kernels share no code."""
    names = frozenset(kernel.sym_name.data for kernel in _kernels(module))
    return names if len(names) > 1 else frozenset()


def _functions(*passes: str) -> tuple[str, ...]:
    """Return passes over every function and initializer."""
    return tuple(f"{kind}({','.join(passes)})" for kind in ("util.func", "util.initializer"))


_CLEAN = ("canonicalize", "cse")
_SIMPLIFY = (*_CLEAN, "iree-util-optimize-int-arithmetic", "iree-util-simplify-global-accesses")
_GLOBALS = ("iree-util-fold-globals", "iree-util-fuse-globals")

_ENTRY_PASSES = ",".join(
    (
        "iree-abi-convert-streamable-ops",
        "iree-abi-wrap-entry-points{invocation-model=sync}",
        # IREE's own inlining simplifies every function before and after, the kernels' too.
        "inline{default-pipeline=}",
        "symbol-dce",
    )
)
_PROGRAM_PASSES = ",".join(
    (
        # Tensors: what IREE's phases global-optimization to flow come to where there are dispatches already.
        *_functions(*_CLEAN, "iree-util-simplify-global-accesses"),
        "iree-global-opt-expand-tensor-shapes",
        *_functions(
            *_CLEAN, "iree-dispatch-creation-convert-tensor-to-flow", *_CLEAN, "iree-flow-cleanup-tensor-shapes"
        ),
        "iree-util-verify-initialization-order",
        "iree-stream-verify-input",
        # IREE's stream phase, its passes in its order, without most of what it does between them. What is left of that
        # is what these programs need to come out the same.
        "iree-stream-clone-to-consumers",
        "iree-stream-conversion",
        "iree-stream-verify-lowering-to-tensors",
        *_functions(*_CLEAN),
        "iree-util-combine-initializers",
        *_functions(*_CLEAN),
        "iree-stream-specialize-encodings",
        *_functions("iree-stream-encode-host-tensors"),
        "stream.executable(iree-stream-encode-device-tensors)",
        "iree-stream-materialize-encodings",
        *_functions("iree-stream-layout-slices", *_SIMPLIFY),
        "iree-stream-verify-lowering-to-async-resources",
        *_functions("iree-stream-materialize-copy-on-write", "canonicalize"),
        "iree-stream-elide-async-copies",
        *_functions("canonicalize", "iree-stream-emplace-allocations"),
        "iree-stream-refine-usage",
        *_functions("canonicalize"),
        "iree-stream-elide-async-copies",
        "iree-stream-verify-async-access-ranges",
        "iree-stream-place-transfer-executions",
        *_functions("iree-stream-schedule-execution", "iree-stream-schedule-concurrency"),
        "iree-stream-sync-initializers",
        "iree-stream-propagate-timepoints",
        "iree-stream-materialize-builtins",
        *_functions(*_CLEAN),
        "iree-stream-verify-lowering-to-async",
        "iree-stream-schedule-allocation",
        "iree-stream-emplace-transients",
        "iree-stream-materialize-transient-size-queries",
        *_functions("iree-stream-pack-constants", "iree-stream-layout-slices", "canonicalize"),
        "iree-util-propagate-subranges",
        *_functions(*_CLEAN),
        *_GLOBALS,
        "iree-stream-automatic-reference-counting",
        "iree-stream-annotate-constant-transient-size",
        "iree-stream-verify-lowering-to-cmd",
        *_functions(*_CLEAN, "iree-stream-reuse-allocations", "convert-scf-to-cf", *_CLEAN),
        "iree-stream-elide-timepoints",
        "iree-stream-fuse-dispatch-bindings",
        "iree-stream-annotate-dispatch-arguments",
        "iree-stream-annotate-dispatch-assumptions",
        "iree-stream-pack-dispatch-operands",
        *_functions(*_SIMPLIFY),
        "iree-stream-fold-uniform-operands",
        *_functions(*_CLEAN),
        *_GLOBALS,
        "symbol-dce",
        # What is left of the phase executable-sources: what went before is clean, and its devices are checked.
        "iree-hal-materialize-interfaces",
        "iree-hal-prune-executables",
    )
)
SHORTCUTS = (Shortcut("input", _ENTRY_PASSES, "abi"), Shortcut("preprocessing", _PROGRAM_PASSES, "executable-sources"))
"""IREE 3.13's passes for its phase ``abi``, and from ``preprocessing`` to the end of ``executable-sources``."""
