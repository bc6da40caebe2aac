"""What IREE says of GPUs, and what we say otherwise."""

import pytest

from lstm_ir.errors import ArgumentError
from lstm_ir.passes.iree_session import CpuTarget
from lstm_ir.passes.kernels.gpu.gpu_target import GpuTarget
from lstm_ir.passes.targets import GPU_FAMILIES, TARGETS, resolve_target


@pytest.mark.parametrize(("family", "gpu"), [(family, gpu) for family in GPU_FAMILIES.values() for gpu in family.gpus])
def test_iree_describes_every_gpu_that_is_listed(family, gpu):
    target = resolve_target(family.name, target_gpu=gpu)
    assert isinstance(target, GpuTarget)
    assert target.max_threads >= 256
    assert target.workgroup_memory >= 16384
    assert {"fp32", "fp16", "int8"} <= target.computes
    assert target.describe()["gpu"] == gpu


def test_unless_one_is_named_it_is_one_whose_code_runs_on_most():
    assert [resolve_target(name).describe()["gpu"] for name in ("cuda", "vulkan")] == ["sm_80", "generic"]
    assert isinstance(resolve_target("cpu"), CpuTarget)
    assert TARGETS == ("cpu", "cuda", "vulkan")


def test_tensor_cores_follow_the_architecture():
    gpus = ("sm_61", "sm_75", "sm_80", "sm_90")
    found = [resolve_target("cuda", target_gpu=gpu).tensor_cores for gpu in gpus]
    assert found == [(), ("f16",), ("f16", "bf16"), ("f16", "bf16")]
    assert resolve_target("vulkan", target_gpu="ampere").tensor_cores == ()


def test_sm_90_is_described_here():
    target = resolve_target("cuda", target_gpu="sm_90")
    assert 'arch = "sm_90"' in target.attribute
    assert target.workgroup_memory == 226 * 1024


def test_the_generic_vulkan_device_has_memory_of_bytes_and_no_subgroup():
    target = resolve_target("vulkan")
    assert "storage = b32|b16|b8, subgroup = none" in target.attribute
    assert "float64" in target.why_not("float64")
    assert target.why_not("float32") is None


def test_unknown_gpus_never_reach_iree():
    with pytest.raises(ArgumentError, match=r"target_gpu: got 'sm_42', target cuda has sm_60, .* sm_90"):
        resolve_target("cuda", target_gpu="sm_42")
