"""Pipelines by name: what ``lstm-ir compile`` runs, as text that ``lstm-ir opt -p`` accepts."""

from dataclasses import dataclass

from lstm_ir.dialect.scan_op import FORMS


@dataclass(frozen=True)
class KernelOptions:
    """What kernels are built for.

    Attributes:
        vector: The vector unit's name: avx512, avx2, sse, neon.
        workers: Cores to count on.
        costs: A file of ``lstm-ir bench --calibrate``; None for what is usual.
    """

    vector: str
    workers: int
    costs: str | None = None

    def __str__(self) -> str:
        return f"vector={self.vector} workers={self.workers}"


@dataclass(frozen=True)
class GpuKernelOptions:
    """What kernels are built for on a GPU.

    Attributes:
        threads: Threads of a workgroup at most.
        memory: Bytes of workgroup memory at most.
        multiprocessors: Workgroups that run at once, each on a multiprocessor of its own.
        pointers: Whether kernels may use LLVM's pointers.
        tensor_cores: Types whose matrices subgroups multiply: f16, bf16.
    """

    threads: int
    memory: int
    multiprocessors: int = 0
    pointers: bool = False
    tensor_cores: tuple[str, ...] = ()

    def __str__(self) -> str:
        numbers = f"threads={self.threads} memory={self.memory} multiprocessors={self.multiprocessors}"
        matrices = f" tensor-cores={','.join(self.tensor_cores)}" if self.tensor_cores else ""
        return f"{numbers} pointers={'true' if self.pointers else 'false'}{matrices}"


def recurrence_pipeline(
    form: str, kernels: KernelOptions | GpuKernelOptions | None = None, weights: str | None = None
) -> str:
    """Return the pipeline from layer level to recurrence level.

    Args:
        form: ``auto``, or the form of every scan.
        kernels: What kernels can be built for; None has none.
        weights: The type in which kernels hold the weights, ``bf16``; None for that of each layer.
    """
    options = f"form={form}" if kernels is None else f"form={form} {kernels}"
    hoist = "lstm-hoist-projection"
    if isinstance(kernels, GpuKernelOptions):
        hoist += "{kernels=false}"
    elif kernels is not None and kernels.costs is not None:
        options += f' costs="{kernels.costs}"'
    if weights is not None:
        options += f" weights={weights}"
    return f"lstm-normalize,lstm-fuse-gates,lstm-choose-form{{{options}}},{hoist},lstm-check-stage{{stage=recurrence}}"


def tensor_pipeline(kernels: KernelOptions | GpuKernelOptions | None = None) -> str:
    """Return the pipeline from recurrence level to target level.

    Args:
        kernels: What kernels are built for; None builds none.
    """
    lowered = ""
    if isinstance(kernels, GpuKernelOptions):
        lowered = f"lstm-lower-scan-gpu{{{kernels}}},"
    elif kernels is not None:
        lowered = "".join(f"lstm-lower-scan-{form}{{{kernels}}}," for form in FORMS)
    return (
        f"{lowered}lstm-lower-activations,lstm-lower-scan-loop-tensor,lstm-lower-scan-unrolled-tensor,lstm-lower-layers,"
        "lstm-lower-dropout,lstm-expand-math,lstm-materialize-weights,lstm-check-stage{stage=target}"
    )


_AVX2 = KernelOptions("avx2", 2)
_AVX512 = KernelOptions("avx512", 2)
_CUDA = GpuKernelOptions(1024, 166912, 108, pointers=True, tensor_cores=("f16", "bf16"))
_VULKAN = GpuKernelOptions(256, 16384)

PIPELINES = {
    "recurrence": recurrence_pipeline("auto"),
    "cpu": f"{recurrence_pipeline('auto', _AVX2)},{tensor_pipeline(_AVX2)}",
    "cpu-avx512": f"{recurrence_pipeline('auto', _AVX512)},{tensor_pipeline(_AVX512)}",
    **{f"cpu-{form}": f"{recurrence_pipeline(form, _AVX2)},{tensor_pipeline(_AVX2)}" for form in FORMS},
    "cpu-loop-tensor": f"{recurrence_pipeline('loop')},{tensor_pipeline()}",
    "cpu-unrolled-tensor": f"{recurrence_pipeline('unrolled')},{tensor_pipeline()}",
    "cuda": f"{recurrence_pipeline('auto', _CUDA)},{tensor_pipeline(_CUDA)}",
    "vulkan": f"{recurrence_pipeline('auto', _VULKAN)},{tensor_pipeline(_VULKAN)}",
}
"""The named pipelines; kernels are for 2 cores with AVX2, sm_80 or any Vulkan device unless the name says otherwise.
``-tensor`` ones have none: IREE generates all code."""
