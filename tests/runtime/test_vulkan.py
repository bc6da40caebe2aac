"""Modules on a device whose memory this process cannot read. On Vulkan, which a CPU can be too (lavapipe)."""

import gc
import itertools
import mmap
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lstm_ir
from lstm_ir.compiler import compile_artifact, model_of
from lstm_ir.layers import LSTM
from lstm_ir.passes.kernels.gpu.thread_tile import ThreadTile
from lstm_ir.reference import run_model
from lstm_ir.runtime import (
    ArgumentError,
    DeviceArray,
    ExecutionError,
    TargetError,
    available_devices,
    load,
    pack,
    unpack,
)
from lstm_ir.runtime import device as device_module
from lstm_ir.runtime import read_back as read_back_module
from lstm_ir.runtime.device_array import allocate, download, element_type, upload

UNITS, FEATURES = 5, 3


@pytest.fixture(scope="module")
def layer():
    layer = LSTM(UNITS, return_sequences=True, dtype="float32")
    layer.build((None, None, FEATURES))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=w.shape, scale=0.4) for w in layer.get_weights()])
    return layer


@pytest.fixture(scope="module")
def compiled(layer):
    return compile_artifact(layer, "vulkan").data


@pytest.fixture(scope="module")
def module(vulkan, compiled):
    return load(compiled, device=vulkan)


@pytest.fixture
def draw():
    rng = np.random.default_rng(1)
    return lambda *shape: rng.normal(size=shape).astype(np.float32)


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_calls_agree_with_the_reference_call_after_call(module, layer, draw):
    for batch, time in [(1, 1), (3, 4), (17, 9), (3, 4)]:
        x, before = draw(batch, time, FEATURES), None
        before = x.copy()
        mask = np.random.default_rng(2).random((batch, time)) > 0.4
        close(module(x), run_model(model_of(layer), x).outputs[0])
        close(module(x, mask=mask), run_model(model_of(layer), x, mask=mask).outputs[0])
        np.testing.assert_array_equal(x, before)


def test_states_live_on_the_device_and_are_updated_in_place(module, layer, draw, tmp_path):
    x = draw(2, 6, FEATURES)
    whole = run_model(model_of(layer), x)
    state = module.make_state(2)
    parts = [module(part, state=state) for part in np.split(x, [1, 4], axis=1)]
    close(np.concatenate(parts, axis=1), whole.outputs[0])
    for name, value in state.numpy().items():
        close(value, whole.states[name])
    state.save(tmp_path / "state.npz")
    kept = state.numpy()
    state.reset(rows=[1])
    assert not state.numpy()["lstm/h" if "lstm/h" in kept else next(iter(kept))][1].any()
    state.restore(tmp_path / "state.npz")
    for name, value in state.numpy().items():
        np.testing.assert_array_equal(value, kept[name])


def test_results_that_stay_on_the_device_are_inputs_without_a_copy(module, draw):
    x = draw(2, 4, FEATURES)
    y = module(x, device_outputs=True)
    assert isinstance(y, DeviceArray)
    assert y.shape == (2, 4, UNITS)
    np.testing.assert_array_equal(y.numpy(), module(x))
    h = DeviceArray(module.device, upload(module.device, draw(2, UNITS), element_type("float32")), np.dtype("float32"))
    on_host = module(x, initial_state=[h.numpy(), np.zeros((2, UNITS), np.float32)])
    np.testing.assert_array_equal(module(x, initial_state={module.states[0].name: h}), on_host)


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 300_001, 16385, 2])
def test_results_of_any_size_are_read_back(module, size, monkeypatch):
    """Within the memory that stays with the device, in one of which more is needed, and in one that does not stay."""
    monkeypatch.setattr(read_back_module, "_MOST", 1 << 20)
    array = np.arange(size, dtype=np.float32)
    view = upload(module.device, array, element_type("float32"))
    got = download(module.device, view, array.dtype)
    np.testing.assert_array_equal(got, array)
    got += 1  # ours alone
    np.testing.assert_array_equal(download(module.device, view, array.dtype), array)


def test_threads_read_back_at_once(module):
    """Each through memory of its own, of which no more stays with the device than is needed again."""
    views = [upload(module.device, np.full(40_000, n, np.float32), element_type("float32")) for n in range(8)]

    def read(n):
        return all((download(module.device, views[n], np.dtype("float32")) == n).all() for _ in range(5))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))
    assert 1 <= len(module.device.staging) <= 4


def test_memory_of_a_copy_that_failed_is_not_used_again(module, monkeypatch):
    view = upload(module.device, np.ones(3, np.float32), element_type("float32"))
    download(module.device, view, np.dtype("float32"))
    before = list(module.device.staging)

    class Broken:
        create_semaphore = module.device.hal.create_semaphore

        def queue_copy(self, *_):
            raise RuntimeError("device lost")

    broken = replace(module.device, hal=Broken())
    with pytest.raises(ExecutionError, match="reading 12 bytes from device 'vulkan:0' failed in IREE: device lost"):
        download(broken, view, np.dtype("float32"))
    assert module.device.staging == before[:-1]


def test_a_device_has_one_name(vulkan, compiled, module):
    assert vulkan == "vulkan:0"
    assert load(compiled).device is module.device
    assert load(compiled, device="vulkan").device is module.device
    assert module.device.name == "vulkan:0"


def test_a_device_in_software_is_warned_of(vulkan, compiled, monkeypatch):
    is_software = any("llvmpipe" in info.description for info in available_devices() if info.device == vulkan)
    monkeypatch.setattr(device_module, "_open", {})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load(compiled)
        load(compiled)
    assert ["65535" in str(warning.message) for warning in caught] == ([True] if is_software else [])


@pytest.mark.parametrize("name", ["vulkan:99", "vulkan:-1", "vulkan:x", "vulkan://none"])
def test_another_number_names_what_is_there(vulkan, compiled, name):
    with pytest.raises(TargetError, match=rf"device '{name}': driver vulkan has \d+ device.* this machine has local-"):
        load(compiled, device=name)


def test_other_devices_are_refused(vulkan, compiled, artifact):
    with pytest.raises(TargetError, match="device 'local-sync' cannot run a module made for vulkan-spirv"):
        load(compiled, device="local-sync")
    with pytest.raises(TargetError, match="device 'vulkan:0' cannot run a module made for llvm-cpu"):
        load(artifact, device="vulkan:0")
    with pytest.raises(ArgumentError, match="threads: only CPU modules have threads"):
        load(compiled, threads=2)


def test_states_and_arrays_of_another_device_are_refused(module, scan, draw):
    x = draw(2, 3, FEATURES)
    with pytest.raises(ArgumentError, match="the array is on device 'local-sync', the module on 'vulkan:0'"):
        module(scan(x, device_outputs=True)[0])
    with pytest.raises(ArgumentError, match="state: "):
        module(x, state=scan.make_state(2))


def test_an_empty_batch_has_an_empty_answer(module):
    assert module(np.zeros((0, 3, FEATURES), np.float32)).shape == (0, 3, UNITS)


def test_devices_are_listed_by_number(vulkan):
    info = next(info for info in available_devices() if info.device == vulkan)
    assert info.backends == ("vulkan-spirv",)
    assert info.description


def test_the_artifact_says_what_it_is_for(compiled):
    _, description = unpack(compiled)
    assert description["target"]["name"] == "vulkan"
    assert description["target"]["gpu"] == "generic"
    assert description["driver"] == "vulkan"


def test_a_damaged_module_is_an_artifact_error(vulkan, compiled):
    vmfb, description = unpack(compiled)
    with pytest.raises(lstm_ir.ArtifactError, match="IREE refuses the module"):
        load(pack(vmfb[: len(vmfb) // 2], description))


def test_memory_of_the_device_is_not_handed_out(module, draw):
    y = module(draw(1, 2, FEATURES), device_outputs=True)
    assert y.__dlpack_device__() == (7, 0)
    with pytest.raises(BufferError, match="device 'vulkan:0' cannot hand out its memory by DLPack"):
        y.__dlpack__()


def test_memory_that_the_device_does_not_have(module):
    size = 1 << 42
    with pytest.raises(ExecutionError, match=rf"device 'vulkan:0' gave no memory for {size} bytes: \w"):
        allocate(module.device, (size // 4,), np.dtype("float32"), element_type("float32"))


def test_calls_that_nobody_waits_for(module, draw):
    x = draw(2, 3, FEATURES)
    pending = [module.call_async(x) for _ in range(3)]
    for future in pending:
        np.testing.assert_array_equal(future.result(timeout=60), module(x))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads this process's memory from /proc")
def test_loads_and_calls_leave_nothing_behind(module, compiled, draw):
    def load_and_call(times):
        for _ in range(times):
            other = load(compiled)
            other(x)
            other(x, device_outputs=True)
            other(x, state=other.make_state(2))
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

    x = draw(2, 3, FEATURES)
    count = 330 if os.environ.get("LSTM_IR_ALL_CASES") else 8
    used = [load_and_call(times) for times in (5, count, count, count)]
    # What leaks leaks every time; caches of threads and allocators fill up once.
    assert min(after - before for before, after in itertools.pairwise(used)) < 10_000 * count, used


def test_an_open_batch_decides_between_two_kernels(vulkan, layer, draw, monkeypatch):
    """As it does on CUDA; here both kernels are ones of any GPU, of which one takes two rows a workgroup."""

    def from_three_rows_on(scan, limits):
        return 3, ThreadTile.of(limits, 4, UNITS, batch=256, copies=1)

    monkeypatch.setattr("lstm_ir.passes.lower_scan_gpu.large_batch_of", from_three_rows_on)
    module = load(compile_artifact(layer, "vulkan").data)
    for batch in (2, 3):
        x = draw(batch, 4, FEATURES)
        mask = np.random.default_rng(batch).random((batch, 4)) > 0.4
        close(module(x), run_model(model_of(layer), x).outputs[0])
        close(module(x, mask=mask), run_model(model_of(layer), x, mask=mask).outputs[0])


def test_batches_of_more_rows_than_a_dispatch_has_workgroups(vulkan, layer, draw, monkeypatch):
    monkeypatch.setattr("lstm_ir.passes.kernels.gpu.persistent.MOST_WORKGROUPS", 2)
    module = load(compile_artifact(layer, "vulkan").data)
    for batch in (1, 2, 5):
        x = draw(batch, 3, FEATURES)
        mask = np.random.default_rng(batch).random((batch, 3)) > 0.4
        close(module(x), run_model(model_of(layer), x).outputs[0])
        close(module(x, mask=mask), run_model(model_of(layer), x, mask=mask).outputs[0])
