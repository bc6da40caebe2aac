"""Passes lstm-lower-scan-persistent, -cooperative, -unrolled and -loop: scans become dispatches of kernels."""

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.exceptions import PassFailedException

from lstm_ir.dialect.dispatch_ops import ExecutableOp
from lstm_ir.dialect.scan_op import ScanOp
from lstm_ir.passes.kernels.cooperative import CooperativeKernel
from lstm_ir.passes.kernels.loop import LoopKernel
from lstm_ir.passes.kernels.persistent import PersistentKernel
from lstm_ir.passes.kernels.scan_kernel import ScanKernel
from lstm_ir.passes.kernels.sharing import Sharing, by_kernel
from lstm_ir.passes.kernels.unrolled import UnrolledKernel
from lstm_ir.passes.kernels.vector_target import VECTOR_TARGETS, VectorTarget
from lstm_ir.passes.program_rewrite import program_ops
from lstm_ir.passes.structured import TensorBuilder
from lstm_ir.passes.worker_count import declare_workers, load_workers


def _lower(module: ModuleOp, form: str, kernel: type[ScanKernel], vector: str, workers: int) -> None:
    """Rewrite the scans of a form.

    Raises:
        PassFailedException: If an option is not accepted.
    """
    who = f"lstm-lower-scan-{form}"
    scans = [
        op for op in program_ops(module) if isinstance(op, ScanOp) and op.runs_kernel and op.form == StringAttr(form)
    ]
    if not scans:
        return
    if vector not in VECTOR_TARGETS:
        raise PassFailedException(f"{who}: vector {vector!r} is not one of {', '.join(VECTOR_TARGETS)}")
    if workers < 1:
        raise PassFailedException(f"{who}: workers {workers} is not a positive number")
    declare_workers(module, workers)
    number = sum(isinstance(op, ExecutableOp) for op in module.body.block.ops)
    for alike, sharing in by_kernel(scans):
        for scan in alike:
            dispatched = _Dispatched(scan, VECTOR_TARGETS[vector], number, sharing)
            results = dispatched.lower(kernel)
            if scan is alike[0]:
                for builder in dispatched.kernels:
                    first = module.body.block.first_op
                    assert first is not None
                    Rewriter.insert_op(builder.build(), InsertPoint.before(first))
            for before, after in zip(scan.results, results, strict=True):
                before.replace_all_uses_with(after)
        number += len(dispatched.kernels)
    # Last: a kernel looks at the scans beside its own.
    for scan in reversed(scans):
        Rewriter.erase_op(scan)


class _Dispatched:
    """One scan's dispatch, or two of which the batch chooses one at run time; and their kernels, yet to be built."""

    def __init__(self, scan: ScanOp, target: VectorTarget, number: int, sharing: Sharing) -> None:
        self.scan, self.target, self.number, self.sharing = scan, target, number, sharing
        self.kernels: list[ScanKernel] = []

    def lower(self, kernel: type[ScanKernel]) -> Sequence[SSAValue]:
        """Build what replaces the scan in front of it; returns the values of its results."""
        host = TensorBuilder.before(self.scan)
        if self.scan.large_batch_form is None:
            return self._dispatch(kernel, host)
        # From a whole row tile a core on, splitting the rows is as fast as sharing the units, and nobody waits.
        workers, rows = load_workers(host), host.index(self.target.rows)
        least = host.do(arith.MuliOp(workers, rows))
        batch = host.index(host.size(self.scan.init[0], 0))
        is_large = host.do(arith.CmpiOp(batch, least, "sge"))
        regions = []
        for kind in (PersistentKernel, kernel):
            block = Block()
            inside = TensorBuilder.at_end(block)
            inside.insert(scf.YieldOp(*self._dispatch(kind, inside)))
            regions.append(Region(block))
        split_rows, share_units = regions
        types = [value.type for value in self.scan.results]
        return host.insert(scf.IfOp(is_large, types, split_rows, share_units)).results

    def _dispatch(self, kind: type[ScanKernel], host: TensorBuilder) -> list[SSAValue]:
        name = f"scan{self.number + len(self.kernels)}"
        builder = kind(name, self.scan, self.target, host, self.sharing)
        self.kernels.append(builder)
        return builder.lower(load_workers(host))


@dataclass(frozen=True)
class LowerScanPersistentPass(ModulePass):
    """Lower the scans whose form is ``persistent``.

    Before: ``%y, %h, %c = lstm.scan ... kernels(%K) recurrent_kernels(%R) ... {form = "persistent"}``
    After: ``stream.executable @scan0 ...``, ``%y, %h, %c, %scratch = flow.dispatch @scan0::@scan0[%workgroups](...)``

    A workgroup takes its rows of the batch through all steps.

    Options: ``vector``: the vector unit to build for (avx512, avx2, sse, neon). ``workers``: workgroups that run at
    once, until ``set_workers`` is called.

    Raises:
        PassFailedException: If an option is not accepted.
    """

    name = "lstm-lower-scan-persistent"

    vector: str
    workers: int = 1

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        _lower(op, "persistent", PersistentKernel, self.vector, self.workers)


@dataclass(frozen=True)
class LowerScanCooperativePass(ModulePass):
    """Lower the scans whose form is ``cooperative``.

    Before: ``%y, %h, %c = lstm.scan ... kernels(%K) recurrent_kernels(%R) ... {form = "cooperative"}``
    After: ``stream.executable @scan0 ...``, ``%y, %h, %c, ... = flow.dispatch @scan0::@scan0[%workgroups](...)``

    The workgroups share the units of each step, and meet at a counter. A scan with a ``large_batch_form`` becomes an
    ``scf.if`` on the batch, with a persistent dispatch in its other branch.

    Options and errors: as of lstm-lower-scan-persistent.
    """

    name = "lstm-lower-scan-cooperative"

    vector: str
    workers: int = 1

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        _lower(op, "cooperative", CooperativeKernel, self.vector, self.workers)


@dataclass(frozen=True)
class LowerScanUnrolledPass(ModulePass):
    """Lower the scans whose form is ``unrolled`` and whose step is a kernel.

    Before: ``%y, %h, %c = lstm.scan ... kernels(%K) recurrent_kernels(%R) ... {form = "unrolled", step_kernel}``
    After: ``stream.executable @scan0 ...``, and a chain of ``flow.dispatch @scan0::@scan0``, one a step and one before

    IREE records the chain in one command buffer, so no step waits for the host.

    Options and errors: as of lstm-lower-scan-persistent; and the number of steps must be static.
    """

    name = "lstm-lower-scan-unrolled"

    vector: str
    workers: int = 1

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        _lower(op, "unrolled", UnrolledKernel, self.vector, self.workers)


@dataclass(frozen=True)
class LowerScanLoopPass(ModulePass):
    """Lower the scans whose form is ``loop`` and whose step is a kernel.

    Before: ``%y, %h, %c = lstm.scan ... kernels(%K) recurrent_kernels(%R) ... {form = "loop", step_kernel}``
    After: ``stream.executable @scan0 ...``, and an ``scf.for`` around one ``flow.dispatch @scan0::@scan0``

    Options and errors: as of lstm-lower-scan-persistent.
    """

    name = "lstm-lower-scan-loop"

    vector: str
    workers: int = 1

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        _lower(op, "loop", LoopKernel, self.vector, self.workers)
