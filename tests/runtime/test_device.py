"""The choice of a device, threads, and the check of the target before anything runs."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lstm_ir.runtime import (
    ArgumentError,
    ArgumentTypeError,
    TargetError,
    available_devices,
    host_arch,
    load,
    pack,
)
from lstm_ir.runtime import target as target_module


@pytest.mark.parametrize(
    ("device", "threads", "advice", "driver"),
    [
        (None, None, "local-sync", "local-sync"),
        (None, None, "local-task", "local-task"),
        (None, None, None, "local-sync"),
        (None, None, "cuda", "local-sync"),  # advice that a CPU module cannot follow
        (None, 1, "local-task", "local-sync"),
        (None, 2, "local-sync", "local-task"),
        ("local-task", None, "local-sync", "local-task"),
        ("local-task", 1, "local-sync", "local-task"),
        ("local-sync", 1, "local-task", "local-sync"),
    ],
)
def test_choice_of_driver(scan_parts, device, threads, advice, driver):
    vmfb, description = scan_parts()
    description["driver"] = advice
    module = load(pack(vmfb, description), device=device, threads=threads)
    assert module.device.driver == driver
    assert module(np.ones((1, 2, 3), np.float32))[1][0, 0] == 1.5


def test_devices_are_shared(artifact):
    assert load(artifact).device is load(artifact).device
    assert load(artifact, threads=2).device is load(artifact, threads=2).device
    assert load(artifact, threads=2).device is not load(artifact, threads=3).device


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads through /proc")
def test_threads_is_the_number_of_workers(artifact, tmp_path):
    path = tmp_path / "scan.vmfb"
    path.write_bytes(artifact)
    script = f"""
import os
from lstm_ir.runtime import load
count = lambda: len(os.listdir("/proc/self/task"))
load({str(path)!r}, threads=1)
start = count()
load({str(path)!r}, threads=3); three = count() - start
load({str(path)!r}, threads=5); five = count() - start - three
print(start, three, five)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    start, three, five = map(int, done.stdout.split())
    assert five - three == 2, (start, three, five)
    assert three >= 3


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"device": "tpu"}, TargetError, "device 'tpu': no such device; this machine has local-sync, local-task"),
        (
            {"device": "cuda"},
            TargetError,
            "device 'cuda' cannot run a module made for llvm-cpu, which needs local-sync",
        ),
        ({"device": "local-sync://7"}, TargetError, "made for llvm-cpu and device 'local-sync://7' cannot be opened"),
        ({"device": 1}, ArgumentTypeError, "device: must be a str"),
        ({"threads": 0}, ArgumentError, "threads: must be from 1 to 256; got 0"),
        ({"threads": 257}, ArgumentError, "threads: must be from 1 to 256; got 257"),
        ({"threads": 2.0}, ArgumentTypeError, "threads: must be an int or None; got float"),
        ({"threads": True}, ArgumentTypeError, "threads: must be an int or None; got bool"),
        ({"device": "local-sync", "threads": 4}, ArgumentError, "local-sync runs on the caller's thread alone"),
    ],
)
def test_bad_devices_are_refused(artifact, arguments, error, text):
    with pytest.raises(error, match=text) as caught:
        load(artifact, **arguments)
    assert "\n" not in str(caught.value)


def test_available_devices():
    devices = available_devices()
    assert [info.device for info in devices[:2]] == ["local-sync", "local-task"]
    assert "llvm-cpu" in devices[0].backends


def _without(driver):
    return pytest.mark.skipif(
        any(info.driver == driver for info in available_devices()), reason=f"this machine has a {driver} device"
    )


@pytest.mark.parametrize(
    ("backend", "driver"),
    [
        pytest.param("cuda", "cuda", marks=_without("cuda")),
        pytest.param("vulkan-spirv", "vulkan", marks=_without("vulkan")),
    ],
)
def test_modules_for_absent_hardware_name_both_sides(scan_parts, backend, driver):
    vmfb, description = scan_parts()
    data = pack(vmfb, {**description, "target": {"backend": backend}, "driver": driver})
    with pytest.raises(TargetError, match=f"made for {backend} and device '{driver}' .*this machine has local-sync"):
        load(data)
    with pytest.raises(TargetError, match=f"device 'local-sync' cannot run a module made for {backend}"):
        load(data, device="local-sync")
    with pytest.raises(ArgumentError, match="only CPU modules have threads"):
        load(data, threads=2)


def test_another_architecture_is_refused(scan_parts):
    vmfb, description = scan_parts()
    description["target"]["arch"] = "riscv64" if host_arch() != "riscv64" else "x86_64"
    with pytest.raises(
        TargetError, match=f"made for {description['target']['arch']} and this machine is {host_arch()}"
    ):
        load(pack(vmfb, description))


def test_missing_features_are_named_before_any_code_is_touched(scan_parts, monkeypatch):
    _, description = scan_parts()
    monkeypatch.setattr(target_module, "host_features", lambda: frozenset({"avx2", "fma"}))
    description["target"].update(cpu="znver4", features=["avx2", "avx512vl", "avx512f", "prefer-256-bit", "rdrnd"])
    with pytest.raises(TargetError, match=r"\(made for znver4\).* lacks: avx512f, avx512vl; .*--target-cpu"):
        load(pack(b"this would not even load", description))
    description["target"]["features"] = ["avx2", "fma"]
    assert target_module.check_target(description["target"]) == "llvm-cpu"


def test_a_forked_child_opens_devices_of_its_own(artifact, tmp_path):
    path = tmp_path / "scan.vmfb"
    path.write_bytes(artifact)
    script = f"""
import os, numpy as np
from lstm_ir.runtime import load
x = np.ones((1, 2, 3), np.float32)
load({str(path)!r}, threads=2)(x)
child = os.fork()
if child == 0:
    os._exit(0 if load({str(path)!r}, threads=2)(x)[1][0, 0] == 1.5 else 1)
_, status = os.waitpid(child, 0)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
