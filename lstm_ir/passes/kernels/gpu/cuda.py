"""CUDA: NVIDIA GPUs, as PTX that the driver compiles when it loads it."""

from lstm_ir.passes.kernels.gpu.gpu_target import Gpu, GpuFamily

_OLDER = ("60", "61", "70", "72", "75", "80", "86", "87", "89")
_NEWER = ("120", "121")

CUDA = GpuFamily(
    name="cuda",
    backend="cuda",
    driver="cuda",
    flag="--iree-cuda-target",
    # PTX runs on every GPU that is newer than what it was made for.
    default="sm_80",
    gpus={
        **{f"sm_{number}": Gpu(f"sm_{number}", {}) for number in _OLDER},
        # IREE 3.13 has no sm_90; its LLVM has. 227 KiB a workgroup, less 1 KiB that CUDA keeps.
        "sm_90": Gpu(
            "sm_80",
            {
                'arch = "sm_80"': 'arch = "sm_90"',
                '"+ptx76"': '"+ptx78"',
                "max_workgroup_memory_bytes = 166912": "max_workgroup_memory_bytes = 231424",
            },
        ),
        **{f"sm_{number}": Gpu(f"sm_{number}", {}) for number in _NEWER},
    },
)
"""The family."""
