"""Large inputs and results are not copied without need, and what is shared is never anybody else's."""

import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from lstm_ir.runtime import DeviceArray, device, input_memory, load
from lstm_ir.runtime.host_memory import aligned_empty

ROWS = 50_000  # of 2 float32: beyond every threshold


def _numbers(rows=ROWS, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, 2)).astype(np.float32)


def _sums(total, x):
    return total(x, x)


def test_an_aligned_input_is_read_where_it_is(total, aligned, monkeypatch):
    monkeypatch.setattr(input_memory, "upload", None)
    monkeypatch.setattr(input_memory, "aligned_empty", None)
    x = aligned(_numbers())
    kept = x.copy()
    for _ in range(3):
        np.testing.assert_array_equal(_sums(total, x), 2 * kept)  # the same array twice, too
        np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(
    "given",
    [
        lambda x, aligned: aligned(x, after=16),
        lambda x, aligned: aligned(x, after=4),
        lambda x, aligned: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape),
        lambda x, aligned: x.astype(np.float64),
        lambda x, aligned: x.astype(">f4"),
        lambda x, aligned: aligned(np.asfortranarray(x).T.copy()).T,
        lambda x, aligned: aligned(np.repeat(x, 2, axis=0))[::2],
        lambda x, aligned: x[::-1].copy()[::-1],
        lambda x, aligned: aligned(x)[:-1:].view(),
    ],
    ids=["16", "4", "odd", "f64", "big-endian", "fortran", "strided", "reversed", "shorter"],
)
def test_every_other_input_is_copied_once(total, aligned, given):
    x = given(_numbers(), aligned)
    kept = x.copy()
    for _ in range(3):
        np.testing.assert_array_equal(_sums(total, x), (2 * kept).astype(np.float32))
        np.testing.assert_array_equal(x, kept)


def test_read_only_memory_is_copied(total, aligned):
    x = aligned(_numbers())
    x.flags.writeable = False
    np.testing.assert_array_equal(_sums(total, x), 2 * x)


def test_a_value_beyond_float32_becomes_infinite_without_a_warning(total, recwarn):
    assert np.isinf(_sums(total, np.full((ROWS, 2), 1e300))).all()
    assert not recwarn.list


def test_memory_for_copies_serves_again(total, aligned, monkeypatch):
    made = []

    def make(shape, dtype):
        made.append(shape)
        return aligned_empty(shape, dtype)

    monkeypatch.setattr(input_memory, "aligned_empty", make)
    total._runners.home.input_memory._spare.clear()
    x, smaller = aligned(_numbers(), after=16), aligned(_numbers(ROWS // 2), after=16)
    for array in (x, smaller, x, smaller):
        np.testing.assert_array_equal(_sums(total, array), 2 * array)
    assert len(made) == 2  # one for each input
    assert len(total._runners.home.input_memory._spare) == 2


def test_a_large_result_is_handed_out_where_it_is(total, aligned):
    x = aligned(_numbers())
    result = _sums(total, x)
    assert type(result) is np.ndarray
    assert not result.flags.owndata
    assert result.flags.writeable
    assert result.flags.c_contiguous
    result[:] = 1
    np.testing.assert_array_equal(_sums(total, x), 2 * x)


@pytest.fixture
def copies_less(monkeypatch):
    """Calls that come again share what an input of theirs, which must not be large, can make."""
    monkeypatch.setattr("lstm_ir.runtime.results._COPIED_TO", (1 << 17) - 1)


def test_freed_memory_of_a_result_serves_the_next_call(artifact, monkeypatch, copies_less):
    monkeypatch.setattr(device, "_open", {})  # a device whose memory no other test uses
    module = load(artifact, device="local-sync")
    for rows in range(1, 80):  # more sizes than are kept
        module(np.zeros((rows, 4, 3), np.float32))
    x = np.zeros((5000, 4, 3), np.float32)
    for _ in range(2):
        module(x)
    before = module.device.allocator.statistics["device_bytes_allocated"]
    for _ in range(3):
        module(x)
    assert module.device.allocator.statistics["device_bytes_allocated"] == before


def test_large_results_are_not_kept_for_the_next_call(echo, aligned, copies_less):
    x = aligned(_numbers(20_000), 16)  # an input small enough for the short way
    for _ in range(3):
        echo(x)
    ((frame,),) = [frames for (shape, _), frames in echo._repeated._frames.spare.items() if shape == x.shape]
    assert len(frame.results) == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_large_results_outlive_everything_else(artifact, threads, copies_less):
    module = load(artifact, threads=threads)
    state = module.make_state(5000)
    x = np.random.default_rng(1).integers(-8, 9, (5000, 4, 3)).astype(np.float32)
    parts, copies = [], []
    for k in range(12):
        for seq, _ in (module(x + k), module(x + k, state=state)):
            assert not seq.flags.owndata
            parts.append(seq[7:, ::2].reshape(-1, 3).T)
            copies.append(parts[-1].copy())
    junk = [np.full((5000, 4, 3), 7, np.float32) for _ in range(10)]
    del module, state, seq
    gc.collect()
    junk += [np.full((5000, 4, 3), 9, np.float32) for _ in range(10)]
    for part, copy in zip(parts, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


@pytest.mark.parametrize("rows", [1000, ROWS])
@pytest.mark.parametrize("after", [0, 16])
def test_a_result_that_is_also_something_else_is_a_copy(echo, aligned, rows, after):
    for call in range(3):
        x = aligned(_numbers(rows, call), after)
        kept = x.copy()
        one, two, three, four = echo(x)
        for result in (one, two, three, four):
            assert not np.shares_memory(result, x)
        assert not np.shares_memory(one, two)
        assert not np.shares_memory(three, four)
        one[:] = four[:] = 5
        np.testing.assert_array_equal(x, kept)
        np.testing.assert_array_equal(two, kept)
        echo(x + 1)
        np.testing.assert_array_equal(two, kept)
        np.testing.assert_array_equal(three, kept + 1)


@pytest.mark.parametrize("after", [0, 16])
def test_a_device_result_that_is_the_input_does_not_change_with_it(echo, aligned, after):
    x = aligned(_numbers(), after)
    kept = x.copy()
    one, *_ = echo(x, device_outputs=True)
    assert isinstance(one, DeviceArray)
    x[:] = 0
    echo(aligned(_numbers(seed=5), 16))
    np.testing.assert_array_equal(one.numpy(), kept)
    np.testing.assert_array_equal(echo(one)[1], kept)
    again = echo(one)[0]
    again[:] = 0
    np.testing.assert_array_equal(one.numpy(), kept)


def test_calls_at_the_same_time_do_not_mix(total, echo, aligned):
    errors = []

    def run(k):
        try:
            for call in range(20):
                x = aligned(_numbers(seed=100 * k + call), 16 * (k % 2))
                np.testing.assert_array_equal(_sums(total, x), 2 * x)
                np.testing.assert_array_equal(echo(x)[0], x)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=run, args=(k,)) for k in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    assert len(total._runners.home.input_memory._spare) <= 2


@pytest.mark.parametrize("driver", ["local-sync", "local-task"])
@pytest.mark.parametrize(
    "kept",
    ["module(x)[0]", "module(x, device_outputs=True)", "module.make_state(5000)", "(module(x), module(x), module)[2]"],
)
def test_nothing_outlives_its_device(artifact, tmp_path, driver, kept):
    # local-task's results lie in memory of the device's own. Not even an interpreter's end may take it away first.
    path = tmp_path / "scan.vmfb"
    path.write_bytes(artifact)
    script = f"""
import gc, sys
import numpy as np
from lstm_ir.runtime import device, load
module = load({str(path)!r}, device={driver!r})
for rows in (5000, 5):
    x = np.ones((rows, 4, 3), np.float32)
    kept = [{kept} for _ in range(3)]
    if isinstance(kept[0], type(module.make_state(1))):
        [module(x, state=kept[0]) for _ in range(3)] if rows == 5000 else None
    other = load({str(path)!r}, device={driver!r})
    [other(x) for _ in range(3)]
    sys.modules["kept_longest_" + str(rows)] = kept
device._open.clear()
del module, other
gc.collect()
if isinstance(kept[0], np.ndarray):
    print(float(kept[0].sum()))
kept = None
sys.modules.pop("kept_longest_5000")
gc.collect()
"""
    environment = {**os.environ, "MALLOC_PERTURB_": "85"}  # freed memory does not keep what was in it
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads the memory in use from /proc")
def test_memory_stays_flat_over_a_thousand_calls(artifact, aligned):
    module = load(artifact)
    state, small = module.make_state(3000), module.make_state(1)
    rng = np.random.default_rng(0)
    large = rng.standard_normal((3000, 4, 3)).astype(np.float32)
    arrays = [aligned(large), aligned(large, after=16), large.astype(np.float64)]

    def calls(count):
        for k in range(count):
            module(arrays[k % 3])
            module(arrays[k % 3], state=state)
            module(large[:1], state=small)
            module(large[: 1 + k % 50])
            if k % 10 == 0:
                small.reset()

    def pages():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1])

    calls(100)
    before = pages()
    calls(1000)
    grown = (pages() - before) * os.sysconf("SC_PAGE_SIZE")
    assert grown < 10 * large.nbytes, grown
