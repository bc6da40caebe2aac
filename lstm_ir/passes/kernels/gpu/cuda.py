"""CUDA: NVIDIA GPUs, as PTX that the driver compiles when it loads it."""

from lstm_ir.passes.kernels.gpu.gpu_target import Gpu, GpuFamily

_MULTIPROCESSORS = {
    # P100, P4, V100, Xavier, T4, A100, A10, Orin, L4
    "sm_60": 56,
    "sm_61": 20,
    "sm_70": 80,
    "sm_72": 8,
    "sm_75": 40,
    "sm_80": 108,
    "sm_86": 72,
    "sm_87": 16,
    "sm_89": 58,
    # H100 PCIe (the others of its kind have 132), RTX 5090, GB10
    "sm_90": 114,
    "sm_120": 170,
    "sm_121": 48,
}
"""By architecture, of a GPU that servers have of it. On one that has fewer a cooperative scan is right and slow."""

CUDA = GpuFamily(
    name="cuda",
    backend="cuda",
    driver="cuda",
    flag="--iree-cuda-target",
    # PTX runs on every GPU that is newer than what it was made for.
    default="sm_80",
    gpus={
        **{name: Gpu(name, {}, count) for name, count in _MULTIPROCESSORS.items()},
        # IREE 3.13 has no sm_90; its LLVM has. 227 KiB a workgroup, less 1 KiB that CUDA keeps.
        "sm_90": Gpu(
            "sm_80",
            {
                'arch = "sm_80"': 'arch = "sm_90"',
                '"+ptx76"': '"+ptx78"',
                "max_workgroup_memory_bytes = 166912": "max_workgroup_memory_bytes = 231424",
            },
            _MULTIPROCESSORS["sm_90"],
        ),
    },
    has_pointers=True,
)
"""The family."""
