"""The choice of a device, threads, and the check of the target before anything runs."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lstm_ir.runtime import (
    ArgumentError,
    ArgumentTypeError,
    ArtifactError,
    ExecutionError,
    TargetError,
    available_devices,
    host_arch,
    load,
    pack,
)
from lstm_ir.runtime import device as device_module
from lstm_ir.runtime import target as target_module
from lstm_ir.runtime.cpu_topology import default_workers
from lstm_ir.runtime.device_array import element_type, upload


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
def test_choice_of_driver(scan_parts, monkeypatch, device, threads, advice, driver):
    monkeypatch.setattr(device_module, "default_workers", lambda: 2)  # whatever the machine has
    vmfb, description = scan_parts()
    description["driver"] = advice
    module = load(pack(vmfb, description), device=device, threads=threads)
    assert module.device.driver == driver
    assert module(np.ones((1, 2, 3), np.float32))[1][0, 0] == 1.5


def test_one_core_needs_no_worker_threads(scan_parts, monkeypatch):
    monkeypatch.setattr(device_module, "default_workers", lambda: 1)
    vmfb, description = scan_parts()
    data = pack(vmfb, {**description, "driver": "local-task"})
    assert load(data).device.driver == "local-sync"
    assert load(data, device="local-task").device.driver == "local-task"
    assert load(data, threads=2).device.driver == "local-task"


@pytest.mark.parametrize(
    ("device", "threads", "workers"),
    [(None, None, 1), ("local-sync", None, 1), (None, 1, 1), (None, 3, 3), ("local-task", 1, 1), ("local-task", 5, 5)],
)
def test_a_module_is_told_the_number_of_workers(echo_parts, device, threads, workers):
    module = load(pack(*echo_parts), device=device, threads=threads)
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(module(x)[2], x + workers)
    assert module.device.workers == workers


def test_each_loaded_module_has_its_own_number(echo_parts):
    one, three = load(pack(*echo_parts), threads=1), load(pack(*echo_parts), threads=3)
    x = np.zeros((4, 2), np.float32)
    assert (one(x)[2][0, 0], three(x)[2][0, 0], one(x)[2][0, 0]) == (1, 3, 1)


def test_without_threads_the_number_is_what_iree_starts(echo_parts):
    module = load(pack(*echo_parts), device="local-task")
    assert module(np.zeros((4, 2), np.float32))[2][0, 0] == default_workers()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("set_worker", "the module has no entry function 'set_worker'"),
        (7, "the module has no entry function 7"),
        ("call", "entry 'call' does not take a number of workers"),
    ],
)
def test_a_description_with_another_entry_for_workers_is_refused(echo_parts, name, text):
    vmfb, description = echo_parts
    with pytest.raises(ArtifactError, match=text):
        load(pack(vmfb, {**description, "entries": {"call": "call", "set_workers": name}}))


def test_a_module_without_the_entry_is_told_nothing(echo_parts):
    vmfb, description = echo_parts
    module = load(pack(vmfb, {**description, "entries": {"call": "call"}}), threads=3)
    assert module(np.zeros((4, 2), np.float32))[2][0, 0] == 0


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


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads through /proc")
@pytest.mark.parametrize("flags", ["", "--task_topology_max_group_count=1", "--task_topology_group_count=3"])
def test_default_workers_are_as_many_as_iree_starts(artifact, tmp_path, flags):
    path = tmp_path / "scan.vmfb"
    path.write_bytes(artifact)
    script = f"""
import os
from lstm_ir.runtime import load
count = lambda: len(os.listdir("/proc/self/task"))
load({str(path)!r}, threads=1)
start = count()
workers = load({str(path)!r}, device="local-task").device.workers; default = count() - start
load({str(path)!r}, device="local-task", threads=workers); same = count() - start - default
print(workers, default, same)
"""
    environment = {**os.environ, "IREE_PY_RUNTIME_FLAGS": flags}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    workers, default, same = map(int, done.stdout.split())
    assert default == same > 0
    if flags:
        assert workers == int(flags[-1])


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


def test_an_input_that_the_device_has_no_memory_for():
    def refuse(*_):
        raise RuntimeError("Failed to allocate buffer copy: c/allocator.c:7: RESOURCE_EXHAUSTED; nothing left; at call")

    device = SimpleNamespace(name="cuda:0", hal=None, allocator=SimpleNamespace(allocate_buffer_copy=refuse))
    with pytest.raises(ExecutionError, match=r"^device 'cuda:0' gave no memory for 24 bytes: nothing left$"):
        upload(device, np.zeros((2, 3), np.float32), element_type("float32"))
