"""Vulkan: GPUs of any maker, as SPIR-V that the driver compiles when it loads it."""

from lstm_ir.passes.kernels.gpu.gpu_target import Gpu, GpuFamily

_AT_ONCE = 0
"""Vulkan does not say how many workgroups run at once, nor that one which has begun goes on beside others."""
_NAMED = ("turing", "ampere", "ada", "rdna1", "rdna2", "rdna3", "rdna4")

VULKAN = GpuFamily(
    name="vulkan",
    backend="vulkan-spirv",
    driver="vulkan",
    flag="--iree-vulkan-target",
    default="generic",
    gpus={
        # What every device of the Roadmap 2024 milestone has: memory of 8 and 16 bit elements, arithmetic on them and
        # on float16, 256 threads and 16 KiB a workgroup. No operations across a subgroup, whose size is not known.
        # IREE's own baseline has 32 bit memory alone, and reads the end of a mask wrongly there.
        "generic": Gpu(
            "vp_android_baseline_2022",
            {
                'arch = "vp_android_baseline_2022"': 'arch = "generic"',
                "compute = fp32|int32, storage = b32": "compute = fp32|fp16|int32|int16|int8, storage = b32|b16|b8",
                "max_workgroup_sizes = [128, 128, 64]": "max_workgroup_sizes = [256, 256, 64]",
                "max_thread_count_per_workgroup = 128": "max_thread_count_per_workgroup = 256",
            },
            _AT_ONCE,
        ),
        **{name: Gpu(name, {}, _AT_ONCE) for name in _NAMED},
    },
    has_pointers=False,
)
"""The family."""
