"""A model to a module at target level: its layers, what kernels are built for, and the passes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_ir.errors import ArgumentError, CompileError, UnsupportedError

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from lstm_ir.layers import Model
    from lstm_ir.passes.build_module import LayerModule
    from lstm_ir.passes.iree_session import CpuTarget
    from lstm_ir.passes.kernels.gpu.gpu_target import GpuTarget
    from lstm_ir.passes.pipelines import GpuKernelOptions, KernelOptions


def layer_level(
    model: "Model", *, batch: int | None = None, time: int | None = None, training: bool = False
) -> "LayerModule":
    """Return a model's module at layer level; ``unroll=True`` fixes the steps to those that the model declares.

    Raises:
        ArgumentError: If a layer has ``unroll=True`` and neither the model nor ``time`` says how many steps.
    """
    from lstm_ir.passes.build_module import build_module
    from lstm_ir.passes.model_interface import recurrences

    unrolled = [cell for cell in recurrences(model) if cell.layer.unroll]
    if time is None and unrolled:
        axis = 0 if unrolled[0].layer.time_major else 1
        shapes = model.tensor_shapes()
        if any(shapes[cell.call.inputs[0]][axis] is None for cell in unrolled):
            raise ArgumentError(
                f"time: layer {unrolled[0].layer.name!r} has unroll=True, which needs a fixed number of steps; give "
                "time=, or build the layer for a known length"
            )
    return build_module(model, batch=batch, time=time, training=training)


def kernel_options(
    target: "CpuTarget | GpuTarget", costs: str | os.PathLike[str] | None = None
) -> "KernelOptions | GpuKernelOptions | None":
    """Return what kernels for a target are built for.

    For a CPU: its vector unit, and as many workers as this machine has cores. For a GPU: what a workgroup may have.

    Args:
        target: The target.
        costs: A file of ``lstm-ir bench --calibrate``, or None.

    Raises:
        ArgumentError: If the file is none such, or the target is a GPU, whose costs nobody has calibrated.
    """
    from lstm_ir.passes.cost_model import Costs
    from lstm_ir.passes.kernels.gpu.gpu_target import GpuTarget
    from lstm_ir.passes.kernels.vector_target import vector_target
    from lstm_ir.passes.pipelines import GpuKernelOptions, KernelOptions

    if isinstance(target, GpuTarget):
        if costs is not None:
            raise ArgumentError(f"costs: they are of CPUs, the target is {target.name}")
        return GpuKernelOptions(
            target.max_threads,
            target.workgroup_memory,
            target.multiprocessors,
            target.family.has_pointers,
            target.tensor_cores,
        )
    vector = vector_target(target.arch, target.features)
    if costs is not None:
        try:
            Costs.read(Path(costs))
        except ValueError as error:
            raise ArgumentError(f"costs: {error}") from error
    if vector is None:
        return None
    return KernelOptions(vector.name, os.cpu_count() or 1, None if costs is None else os.fspath(costs))


def lower(
    layer_module: "LayerModule",
    *,
    form: str = "auto",
    weights: str | None = None,
    kernels: "KernelOptions | GpuKernelOptions | None" = None,
    after_pass: Callable[[str, "ModuleOp"], None] | None = None,
    until: str = "target",
) -> list[dict[str, Any]]:
    """Run the passes on a layer-level module, in place.

    Args:
        layer_module: What ``layer_level`` made.
        form: ``auto``, or the form of every scan.
        weights: As in ``compile``.
        kernels: What kernels are built for; None builds none.
        after_pass: Called with the name of each pass and the module after it.
        until: ``target``, or ``recurrence`` to stop where the forms are chosen.

    Returns:
        One dict a scan: name, form, reason, units, direction, masked.

    Raises:
        UnsupportedError: If a form, or a type of weights, that was asked for cannot be had.
        CompileError: If a pass fails; the message names it.
    """
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import PassPipeline
    from xdsl.utils.exceptions import DiagnosticException, PassFailedException

    from lstm_ir.passes.choose_form import ChooseFormPass, FormUnavailableError
    from lstm_ir.passes.pipelines import recurrence_pipeline, tensor_pipeline
    from lstm_ir.passes.scan_report import report_scans
    from lstm_ir.passes.universe import available_passes, make_context

    context, passes = make_context(), available_passes()

    # Verifying costs as much as a pass: between passes it is for somebody who looks at them.
    def run(pipeline: str, *, verify_result: bool) -> None:
        def check(previous: Any, module: ModuleOp, following: Any) -> None:
            if after_pass is not None or (verify_result and following is None):
                module.verify()
            if previous is not None and after_pass is not None:
                after_pass(str(previous.spec()), module)

        try:
            PassPipeline.parse_spec(passes, pipeline, check).apply(context, layer_module.module)
        except FormUnavailableError as error:
            raise UnsupportedError(str(error).removeprefix(f"{ChooseFormPass.name}: ")) from error
        except PassFailedException as error:
            raise CompileError(str(error)) from error
        except DiagnosticException as error:
            raise CompileError(f"the IR does not verify: {error}") from error

    run(recurrence_pipeline(form, kernels, weights), verify_result=True)
    scans = report_scans(layer_module.module)
    if until == "target":
        # IREE verifies what it is handed.
        run(tensor_pipeline(kernels), verify_result=False)
    return scans
