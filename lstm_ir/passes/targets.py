"""What can be compiled for, by the names that users see."""

from lstm_ir.errors import ArgumentError
from lstm_ir.passes.iree_session import CpuTarget, resolve_cpu
from lstm_ir.passes.kernels.gpu.cuda import CUDA
from lstm_ir.passes.kernels.gpu.gpu_target import GpuFamily, GpuTarget, resolve_gpu
from lstm_ir.passes.kernels.gpu.vulkan import VULKAN

GPU_FAMILIES: dict[str, GpuFamily] = {family.name: family for family in (CUDA, VULKAN)}
"""By name."""
TARGETS = ("cpu", *GPU_FAMILIES)
"""What ``target=`` accepts."""


def resolve_target(target: str, target_cpu: str = "host", target_gpu: str | None = None) -> CpuTarget | GpuTarget:
    """Return what to compile for.

    Args:
        target: One of ``TARGETS``.
        target_cpu: ``host``, ``generic`` or one of LLVM's names; for ``cpu`` only.
        target_gpu: Which GPU; None for one whose code runs on most. For ``cuda`` and ``vulkan`` only.

    Raises:
        ArgumentError: If the target has no such CPU or GPU.
    """
    if target == "cpu":
        if target_gpu is not None:
            raise ArgumentError(f"target_gpu: got {target_gpu!r}, but target cpu has none; use target_cpu")
        return resolve_cpu(target_cpu)
    if target_cpu != "host":
        raise ArgumentError(f"target_cpu: got {target_cpu!r}, but target {target} runs no code on CPUs; use target_gpu")
    return resolve_gpu(GPU_FAMILIES[target], target_gpu)
