"""Small calls of a module run on the caller's thread and large ones on all cores, and nothing else differs."""

import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from lstm_ir.runtime import ArgumentError, DeviceArray, available_devices, load, pack
from lstm_ir.runtime import device as device_module
from lstm_ir.runtime import runners as runners_module

WORKERS = 3
# What the tests' modules are said to be. A step of a row is 1.4 MFLOP, 20 us: two rows are a small call up to 12 steps,
# and a large one from 13; of a single step, 18 rows are small and 19 large.
SCANS = [{"name": "scan", "form": "persistent", "units": 296, "features": 296, "reason": "hand-written"}]
SMALL, LARGE = 2, 40  # steps of two rows


@pytest.fixture(autouse=True)
def three_workers(monkeypatch):
    """Modules are told of three workers, whatever the machine has."""
    monkeypatch.setattr(device_module, "default_workers", lambda: WORKERS)


@pytest.fixture(scope="module")
def sized(scan_parts):
    vmfb, description = scan_parts()
    return pack(vmfb, {**description, "scans": SCANS})


@pytest.fixture(scope="module")
def sized_echo(echo_parts):
    vmfb, description = echo_parts
    return pack(vmfb, {**description, "scans": SCANS})


@pytest.fixture(scope="module")
def sized_sum(sum_parts):
    vmfb, description = sum_parts
    return pack(vmfb, {**description, "scans": SCANS})


def _workers(module, rows):
    """How many workers the code that ran a call had been told of."""
    return module(np.zeros((rows, 2), np.float32))[2][0, 0]


def _driver(array):
    assert isinstance(array, DeviceArray)
    return array.device.driver


def test_the_size_of_a_call_says_where_it_runs(sized_echo):
    module = load(sized_echo)
    for _ in range(4):  # the long way, then the short one, which the largest never takes
        assert [_workers(module, rows) for rows in (1, 19, 18, 40_000)] == [1, WORKERS, 1, WORKERS]
    assert module.device.driver == "local-sync"


def test_where_calls_run_can_be_asked(sized):
    module = load(sized)
    assert module.device_for() is module.device
    assert module.device_for(1, 10_000) is module.device  # a row's steps stay together
    assert module.device_for(2, SMALL) is module.device
    assert module.device_for(2, LARGE).driver == "local-task"
    assert module.device_for(2, LARGE) is load(sized, device="local-task").device


@pytest.mark.parametrize(
    ("device", "threads", "workers"),
    [("local-sync", None, 1), (None, 1, 1), ("local-task", None, WORKERS), (None, 2, 2), ("local-task", 1, 1)],
)
def test_what_is_asked_for_holds_for_every_call(sized_echo, device, threads, workers):
    module = load(sized_echo, device=device, threads=threads)
    for _ in range(3):
        assert [_workers(module, rows) for rows in (1, 40, 40_000)] == [workers] * 3
    assert module.device_for(1) is module.device_for(40_000) is module.device


def test_one_core_has_nothing_to_share_with(sized_echo, monkeypatch):
    monkeypatch.setattr(device_module, "default_workers", lambda: 1)
    module = load(sized_echo)
    for _ in range(3):
        assert [_workers(module, rows) for rows in (1, 40, 40_000)] == [1, 1, 1]
    assert module.device_for(40_000).driver == "local-sync"


@pytest.mark.parametrize("scans", [[], [{"name": "scan", "form": "persistent", "reason": "says no size"}]])
@pytest.mark.parametrize("driver", ["local-sync", "local-task"])
def test_without_sizes_the_advice_holds_for_every_call(echo_parts, scans, driver):
    vmfb, description = echo_parts
    module = load(pack(vmfb, {**description, "scans": scans, "driver": driver}))
    assert module.device.driver == driver
    assert _workers(module, 1) == _workers(module, 40_000) == (1 if driver == "local-sync" else WORKERS)


def test_other_cores_are_not_woken_before_a_call_needs_them(sized, monkeypatch):
    def refuse():
        raise AssertionError("opened")

    with monkeypatch.context() as patch:
        patch.setattr(runners_module, "open_all_cores", refuse)
        module = load(sized)
        state = module.make_state(2)
        for _ in range(3):
            module(np.zeros((2, SMALL, 3), np.float32), state=state)
        with pytest.raises(AssertionError, match="opened"):
            module(np.zeros((2, LARGE, 3), np.float32), state=state)
    module(np.zeros((2, LARGE, 3), np.float32), state=state)


def test_code_and_weights_are_there_once(sized):
    runners = load(sized)._runners
    assert runners.all_cores() is runners.all_cores()
    assert runners.all_cores().code._code is runners.home.code._code
    assert runners.all_cores().code.context is not runners.home.code.context


@pytest.mark.parametrize("masked", [False, True])
def test_both_give_the_same_numbers(sized, draw, expected, masked):
    module = load(sized)
    for _ in range(3):
        for time in (SMALL, LARGE):
            x = draw(2, time, 3)
            mask = draw(2, time, 1)[:, :, 0] > 0 if masked else None
            want = expected(x, mask)
            zero = {"scan/c": np.zeros((2, 3), np.float32)}
            for arguments in ({}, {"initial_state": zero}, {"device_outputs": True}):
                seq, last = module(x, mask=mask, **arguments)
                np.testing.assert_allclose(np.asarray(seq), want.seq, rtol=1e-5, atol=1e-6)
                np.testing.assert_allclose(np.asarray(last), want.last, rtol=1e-5, atol=1e-6)


def test_a_state_goes_from_call_to_call_wherever_they_run(sized, draw, expected):
    module = load(sized)
    state = module.make_state(2)
    assert state.device is module.device
    h = c = np.zeros((2, 3), np.float32)
    for time in (SMALL, LARGE, LARGE, SMALL, LARGE, SMALL, SMALL, SMALL, LARGE, LARGE):
        x = draw(2, time, 3)
        want = expected(x, None, h, c)
        h, c = want.h, want.c
        seq, _ = module(x, state=state)
        np.testing.assert_allclose(seq, want.seq, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state.numpy()["scan/h"], h, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state.numpy()["scan/c"], c, rtol=1e-5, atol=1e-5)
    # And by other modules that were told where to run.
    alone = load(sized, threads=1)
    np.testing.assert_allclose(alone(x, state=state)[1], expected(x, None, h, c).last, rtol=1e-5, atol=1e-6)


def test_a_state_is_set_and_reset_between_large_calls(sized, draw, expected):
    module = load(sized)
    state = module.make_state(2)
    x, h = draw(2, LARGE, 3), draw(2, 3)
    for _ in range(3):
        module(x, state=state)
        state.reset()
        np.testing.assert_allclose(module(x, state=state)[0], expected(x).seq, rtol=1e-5, atol=1e-6)
        state.set({"scan/h": h})
        np.testing.assert_allclose(module(x, state=state)[0], expected(x, None, h).seq, rtol=1e-5, atol=1e-6)
    _, last = module(x, device_outputs=True)
    assert _driver(last) == "local-task"
    state.set({"scan/h": last})
    np.testing.assert_array_equal(state.numpy()["scan/h"], last.numpy())


def test_device_arrays_go_on_from_where_they_are(sized, draw, expected):
    module = load(sized)
    x = draw(2, LARGE, 3)
    small, large = (module(part, device_outputs=True)[0] for part in (x[:, :SMALL], x))
    assert (_driver(small), _driver(large)) == ("local-sync", "local-task")
    for time in (SMALL, LARGE):  # a large call's array keeps a small call with it
        _, last = module(x[:, :time], initial_state=module(x, device_outputs=True)[1:] * 2, device_outputs=True)
        assert _driver(last) == "local-task"
        h = expected(x).h
        np.testing.assert_allclose(last.numpy(), expected(x[:, :time], None, h, h).last, rtol=1e-5, atol=1e-6)
    # A small call's array does not keep a large one.
    _, start = module(x[:, :SMALL], device_outputs=True)
    _, last = module(x, initial_state={"scan/h": start}, device_outputs=True)
    assert (_driver(start), _driver(last)) == ("local-sync", "local-task")
    np.testing.assert_allclose(last.numpy(), expected(x, None, start.numpy()).last, rtol=1e-5, atol=1e-6)


def test_device_arrays_of_both_kinds_in_one_call(sized_sum):
    module = load(sized_sum)
    one, many = np.ones((1, 2), np.float32), np.ones((20, 2), np.float32)
    near, far = module(one, one, device_outputs=True), module(many, many, device_outputs=True)
    assert (_driver(near), _driver(far)) == ("local-sync", "local-task")
    elsewhere = load(sized_sum, device="local-task")(one, one, device_outputs=True)
    for pair in ((near, elsewhere), (elsewhere, near), (one, elsewhere)):
        total = module(*pair, device_outputs=True)
        assert _driver(total) == "local-task"
        np.testing.assert_array_equal(total.numpy(), np.asarray(pair[0]) + np.asarray(pair[1]))
    assert _driver(module(near, near, device_outputs=True)) == "local-sync"


def test_arrays_of_other_devices_are_refused(sized_sum):
    one = np.ones((1, 2), np.float32)
    of_two = load(sized_sum, threads=2)(one, one, device_outputs=True)
    with pytest.raises(ArgumentError, match="input 'b': the array is on device 'local-task', the module on"):
        load(sized_sum)(one, of_two)
    of_all = load(sized_sum, device="local-task")(one, one, device_outputs=True)
    with pytest.raises(ArgumentError, match="the array is on device 'local-task', the module on 'local-sync'"):
        load(sized_sum, device="local-sync")(of_all, one)


def test_calls_of_every_size_at_the_same_time(sized, draw, expected):
    module = load(sized)
    shared = module.make_state(2)
    step = draw(2, 1, 3)
    inputs = {time: draw(2, time, 3) for time in (SMALL, LARGE, SMALL + 1, LARGE + 1)}
    wanted = {time: expected(x).seq for time, x in inputs.items()}
    errors = []

    def run(k):
        try:
            own = module.make_state(2)
            for call in range(25):
                time = list(inputs)[(k + call) % 4]
                own.reset()
                for result in (module(inputs[time])[0], module(inputs[time], state=own)[0]):
                    np.testing.assert_allclose(result, wanted[time], rtol=1e-5, atol=1e-6)
                module(step, state=shared)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    np.testing.assert_allclose(shared.numpy()["scan/c"], expected(step[:, [0] * 100]).c, rtol=1e-4)


@pytest.mark.parametrize(
    "kept",
    [
        "module(x)[0]",
        "module(x, state=state)[0]",
        "module(x, state=state, device_outputs=True)",
        "module(x, initial_state=module(x[:, :1], device_outputs=True)[1:] * 2, device_outputs=True)",
        "(module(x, state=state), module(x[:, :1], state=state), state)[2]",
    ],
)
def test_nothing_outlives_either_device(sized, tmp_path, kept):
    path = tmp_path / "scan.vmfb"
    path.write_bytes(sized)
    script = f"""
import gc, sys
import numpy as np
from lstm_ir.runtime import device, load
device.default_workers = lambda: 2
for rows in (5, 1000):
    module = load({str(path)!r})
    state = module.make_state(rows)
    x = np.ones((rows, 20, 3), np.float32)
    kept = [{kept} for _ in range(3)][-1:]
    sys.modules["kept_longest_" + str(rows)] = kept
    device._open.clear()
    del module, state
    gc.collect()
    for item in kept if rows == 5 else []:
        print(float(np.asarray(item.numpy()["scan/h"] if hasattr(item, "reset") else item[0]).sum()))
    kept = item = None
    sys.modules.pop("kept_longest_5", None)
    gc.collect()
"""
    environment = {**os.environ, "MALLOC_PERTURB_": "85"}  # freed memory does not keep what was in it
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_forked_process_goes_on_without_the_other_cores(sized, tmp_path):
    path = tmp_path / "scan.vmfb"
    path.write_bytes(sized)
    script = f"""
import os, numpy as np
from lstm_ir.runtime import device, load
device.default_workers = lambda: 2
module = load({str(path)!r})
x = np.ones((2, 40, 3), np.float32)
state = module.make_state(2)
for _ in range(3):
    want, after = module(x)[0], module(x, state=state)[0]
array = module(x, device_outputs=True)[1]
assert array.device.driver == "local-task"
child = os.fork()
if child == 0:
    ok = module.device_for(2, 40).driver == "local-sync"
    for _ in range(3):
        ok = ok and np.array_equal(module(x)[0], want) and np.allclose(module(x, state=state)[0], after)
        ok = ok and np.allclose(module(x, initial_state=[array, array])[1], array.numpy())
    fresh = load({str(path)!r})
    ok = ok and fresh.device_for(2, 40).driver == "local-task"
    os._exit(0 if ok and np.array_equal(fresh(x)[0], want) else 1)
_, status = os.waitpid(child, 0)
assert np.array_equal(module(x)[0], want)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_only_the_cpu_chooses(sized, monkeypatch):
    assert device_module.free_workers("llvm-cpu", None, None) == WORKERS
    assert device_module.free_workers("cuda", None, None) == 1
    assert [info.device for info in available_devices()[:2]] == ["local-sync", "local-task"]


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads the memory in use from /proc")
def test_memory_stays_flat_over_calls_of_every_size(sized):
    module = load(sized)
    state = module.make_state(300)
    x = np.ones((300, LARGE, 3), np.float32)

    def calls(count):
        for k in range(count):
            module(x[: 1 + k % 40], device_outputs=k % 2 == 0)
            module(x[:2, : 1 + k % LARGE])
            module(x, state=state)

    def pages():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1])

    calls(50)
    before = pages()
    calls(400)
    grown = (pages() - before) * os.sysconf("SC_PAGE_SIZE")
    assert grown < 10 * x.nbytes, grown
