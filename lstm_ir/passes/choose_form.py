"""Pass lstm-choose-form: how each scan's time loop will run, and why."""

from dataclasses import dataclass
from pathlib import Path

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, UnitAttr, f32
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import PassFailedException

from lstm_ir.dialect.index_maps import describe
from lstm_ir.dialect.recurrence_ops import ProjectOp
from lstm_ir.dialect.scan_op import KERNEL_FORMS, ScanOp
from lstm_ir.dialect.shapes import DYNAMIC, accumulator_type, as_float, shape_of
from lstm_ir.passes.cost_model import Costs, ScanFacts, choose, why_no_kernel
from lstm_ir.passes.kernels.gpu.gpu_forms import choose_on_gpu
from lstm_ir.passes.kernels.gpu.thread_tile import GpuLimits
from lstm_ir.passes.kernels.scan_kernel import why_not
from lstm_ir.passes.kernels.vector_target import VECTOR_TARGETS


def facts_of(
    scan: ScanOp, vector: str = "", workers: int = 1, costs: Costs | None = None, weights: str = ""
) -> ScanFacts:
    """Return what the IR and the target say of a scan.

    Args:
        scan: The scan, before or after its projection was hoisted.
        vector: The vector unit to build kernels for; none if empty.
        workers: Cores to count on.
        costs: What the machine reaches; None for what is usual.
        weights: The type in which kernels hold the weights; that of the scan if empty.
    """
    layout = describe(scan.input_map)
    assert layout is not None
    first, second, features = shape_of(scan.input.type)
    if scan.is_hoisted and isinstance(scan.input.owner, ProjectOp):
        features = shape_of(scan.input.owner.input.type)[-1]
    time, batch = (first, second) if layout[0] else (second, first)
    return ScanFacts(
        batch=None if batch == DYNAMIC else batch,
        time=None if time == DYNAMIC else time,
        features=features,
        units=scan.units,
        gates=scan.gates,
        unroll=scan.unroll is not None,
        vector=vector or None,
        workers=max(1, workers // scan.companions),
        no_kernel=why_not(scan),
        costs=costs,
        element_bytes=as_float(accumulator_type(scan.storage_type)).size,
        weight_bytes=2 if weights else as_float(scan.storage_type).size,
    )


class FormUnavailableError(PassFailedException):
    """The form that was asked for cannot be had; the text names the scan, the reason and what can."""


@dataclass(frozen=True)
class ChooseFormPass(ModulePass):
    """Set ``form`` on every scan that has none, and its reason as a remark in ``reason``.

    Before: ``lstm.scan ...``
    After: ``lstm.scan ... {form = "loop", reason = "about 8.0 us/step ..."}``

    A cooperative scan of an open batch is persistent where that is faster for many rows: ``large_batch_form``. A scan
    of form loop or unrolled has ``step_kernel`` where a kernel can run its steps.

    Options: ``form``: ``auto`` (the cost model decides), or a form to use for all scans. ``vector``: the vector unit
    that kernels can be built for; without one there are none. ``workers``: cores to count on. ``costs``: a file of
    ``lstm-ir bench --calibrate``. ``threads``, ``memory``, ``multiprocessors``, ``pointers``, ``tensor-cores``: what
    there is on a GPU, as in lstm-lower-scan-gpu; threads 0 is a CPU. ``weights``: ``bf16`` has the kernels of a CPU
    hold the weights of f32 scans so.

    Raises:
        FormUnavailableError: If the form or the weights asked for cannot be had.
        PassFailedException: If the file of costs is none.
    """

    name = "lstm-choose-form"

    form: str = "auto"
    vector: str = ""
    workers: int = 1
    costs: str = ""
    threads: int = 0
    memory: int = 0
    multiprocessors: int = 0
    pointers: bool = False
    tensor_cores: tuple[str, ...] = ()
    weights: str = ""

    def _check_weights(self, scan: ScanOp, facts: ScanFacts) -> None:
        """Check that a scan can have the weights asked for.

        Raises:
            ValueError: If it cannot; the text says why.
        """
        if not self.weights:
            return
        if self.weights != "bf16":
            raise ValueError(f"weights {self.weights!r}: not a type of weights (bf16)")
        if scan.storage_type != f32:
            raise ValueError(f"weights 'bf16': only for float32 layers, this one computes in {scan.storage_type}")
        why = why_no_kernel(facts)
        if why is not None:
            raise ValueError(f"weights 'bf16': only kernels read them, and {why}")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Annotate the module."""
        try:
            costs = Costs.read(Path(self.costs)) if self.costs else None
        except ValueError as error:
            raise PassFailedException(f"{self.name}: costs: {error}") from error
        for scan in op.walk():
            if not isinstance(scan, ScanOp) or scan.form is not None:
                continue
            try:
                if self.threads:
                    if self.weights:
                        raise ValueError(f"weights {self.weights!r}: only the kernels of CPUs read them")
                    limits = GpuLimits(
                        self.threads, self.memory, self.multiprocessors, self.pointers, self.tensor_cores
                    )
                    form, reason, large = choose_on_gpu(scan, self.form, limits)
                    scan.form, scan.reason = StringAttr(form), StringAttr(reason)
                    scan.large_batch_form = None if large is None else StringAttr(large)
                    continue
                facts = facts_of(scan, self.vector, self.workers, costs, self.weights)
                form, reason = choose(facts, self.form)
                self._check_weights(scan, facts)
            except ValueError as error:
                raise FormUnavailableError(f"lstm-choose-form: scan {scan.layer.data!r}: {error}") from error
            scan.form = StringAttr(form)
            if form not in KERNEL_FORMS and why_no_kernel(facts) is None:
                scan.step_kernel = UnitAttr()
            if self.form == "auto" and form == "cooperative" and facts.batch is None:
                scan.large_batch_form = StringAttr("persistent")
                reason = f"{reason}; persistent from {VECTOR_TARGETS[self.vector].rows} rows a core on"
            scan.reason = StringAttr(reason)
            if self.weights:
                scan.weights = StringAttr(self.weights)
