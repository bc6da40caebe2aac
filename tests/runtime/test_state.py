"""State handles: advanced in place, reset, read, set atomically, saved, and never mixed between threads."""

import copy
import pickle
import threading
import time

import numpy as np
import pytest

from lstm_ir.runtime import ArgumentError, ArgumentTypeError, ArtifactError, load, pack


def test_chunks_with_a_state_equal_the_whole(scan, draw, expected):
    x = draw(3, 12, 3)
    mask = np.random.default_rng(0).random((3, 12)) > 0.3
    want = expected(x, mask)
    state = scan.make_state(3)
    parts = [scan(x[:, a:b], mask=mask[:, a:b], state=state)[0] for a, b in [(0, 1), (1, 2), (2, 7), (7, 12)]]
    np.testing.assert_allclose(np.concatenate(parts, 1), want.seq, rtol=1e-6)
    np.testing.assert_allclose(state.numpy()["scan/h"], want.h, rtol=1e-6)
    np.testing.assert_allclose(state.numpy()["scan/c"], want.c, rtol=1e-6)


def test_the_update_is_in_place(scan, draw):
    state = scan.make_state(2)
    before = state.refs
    scan(draw(2, 3, 3), state=state)
    assert state.refs is before
    assert state.numpy()["scan/c"].any()


def test_numpy_gives_copies(scan, draw):
    state = scan.make_state(2)
    scan(draw(2, 3, 3), state=state)
    kept = state.numpy()
    again = {name: array.copy() for name, array in kept.items()}
    scan(draw(2, 3, 3), state=state)
    for name, array in kept.items():
        np.testing.assert_array_equal(array, again[name])
    kept["scan/h"][:] = 99
    assert not (state.numpy()["scan/h"] == 99).any()


def _filled(module, batch=4):
    state = module.make_state(batch)
    state.set([np.arange(1, 1 + 3 * batch).reshape(batch, 3) + 0.5, np.full((batch, 3), 2.0)])
    return state


@pytest.mark.parametrize(
    ("rows", "zeroed"),
    [
        (None, [0, 1, 2, 3]),
        (2, [2]),
        ([0, 3], [0, 3]),
        ((1, 1), [1]),
        (np.array([1, 2], np.uint8), [1, 2]),
        (range(2), [0, 1]),
        (np.int64(3), [3]),
        ([], []),
        (np.array([True, False, False, True]), [0, 3]),
    ],
)
def test_reset(scan, rows, zeroed):
    state = _filled(scan)
    before = state.numpy()
    state.reset(rows)
    for name, array in state.numpy().items():
        assert not array[zeroed].any()
        kept = [row for row in range(4) if row not in zeroed]
        np.testing.assert_array_equal(array[kept], before[name][kept])


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        (4, ArgumentError, "rows: must be from 0 to 3; got 4"),
        ([0, -1, 9], ArgumentError, "got -1, 9"),
        (np.array([True, False]), ArgumentError, r"must have shape \(4,\); got \(2,\)"),
        (1.0, ArgumentTypeError, "rows: must be integers"),
        ([0.5], ArgumentTypeError, "rows: must be integers"),
        ("1", ArgumentTypeError, "rows: must be integers"),
        ([[0]], ArgumentTypeError, "rows: must be integers"),
        (True, ArgumentTypeError, "rows: must be integers"),
        (object(), ArgumentTypeError, "rows: must be integers or None; got object"),
    ],
)
def test_bad_rows_change_nothing(scan, rows, error, text):
    state = _filled(scan)
    before = state.numpy()
    with pytest.raises(error, match=text):
        state.reset(rows)
    np.testing.assert_array_equal(state.numpy()["scan/h"], before["scan/h"])


def test_set_copies_and_keeps_what_it_is_not_given(scan, draw):
    state = _filled(scan, 2)
    h = draw(2, 3)
    state.set({"scan/h": h})
    h[:] = 0
    assert state.numpy()["scan/h"].any()
    np.testing.assert_array_equal(state.numpy()["scan/c"], np.full((2, 3), 2.0))


@pytest.mark.parametrize(
    "values",
    [
        [np.ones((2, 3)), np.ones((2, 4))],
        [np.ones((2, 3)), np.ones((3, 3))],
        [np.ones((2, 3))],
        {"scan/h": np.ones((2, 3)), "scan/x": np.ones((2, 3))},
        {"scan/h": np.ones((2, 3)), "scan/c": np.ones((2, 3), int)},
    ],
)
def test_set_is_all_or_nothing(scan, values):
    state = _filled(scan, 2)
    before = state.numpy()
    with pytest.raises((ArgumentError, ArgumentTypeError)):
        state.set(values)
    for name, array in state.numpy().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickle.dumps])
def test_modules_and_states_have_no_copies(scan, again):
    with pytest.raises(ArgumentTypeError, match="Module cannot be copied or pickled; load the artifact in each"):
        again(scan)
    with pytest.raises(ArgumentTypeError, match=r"State cannot be copied or pickled; use numpy\(\) and set\(\)"):
        again(scan.make_state(2))


def test_save_and_restore(scan, tmp_path):
    state = _filled(scan)
    path = tmp_path / "state.saved"
    state.save(path)
    other = scan.make_state(4)
    other.restore(str(path))
    for name, array in other.numpy().items():
        np.testing.assert_array_equal(array, state.numpy()[name])
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.saved"]
    np.testing.assert_array_equal(np.load(path)["scan/h"], state.numpy()["scan/h"])


def test_saving_where_nothing_can_be_written_leaves_nothing(scan, tmp_path, monkeypatch):
    state = _filled(scan)
    with pytest.raises(ArgumentError, match="cannot be written: No such file or directory"):
        state.save(tmp_path / "absent" / "state.npz")
    path = tmp_path / "state.npz"
    state.save(path)
    before = path.read_bytes()

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(ArgumentError, match="cannot be written: No space left on device"):
        state.save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.npz"]
    assert path.read_bytes() == before


def test_restoring_what_is_not_this_state_is_refused(scan, scan_parts, tmp_path):
    state = _filled(scan)
    path = tmp_path / "state.npz"
    with pytest.raises(ArtifactError, match="No such file"):
        state.restore(path)
    scan.make_state(3).save(path)
    with pytest.raises(ArgumentError, match=r"'scan/h' is float32\(3, 3\); the state is float32\(4, 3\)"):
        state.restore(path)
    load(pack(*scan_parts("float64"))).make_state(4).save(path)
    with pytest.raises(ArgumentError, match="'scan/h' is float64"):
        state.restore(path)
    vmfb, description = scan_parts()
    names = [{**entry, "name": entry["name"].upper()} for entry in description["states"]]
    load(pack(vmfb, {**description, "states": names})).make_state(4).save(path)
    with pytest.raises(ArgumentError, match="holds SCAN/H, SCAN/C; the module has scan/h, scan/c"):
        state.restore(path)
    np.savez(path, a=np.ones(3))
    with pytest.raises(ArtifactError, match="not a state that lstm-ir saved"):
        state.restore(path)
    state.save(path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError):
            state.restore(path)
    np.testing.assert_array_equal(state.numpy()["scan/h"], _filled(scan).numpy()["scan/h"])


X = np.zeros((2, 3, 3), np.float32)


def test_a_state_that_does_not_fit_the_call_is_refused(scan, artifact, scan_parts):
    with pytest.raises(ArgumentError, match="state: has batch 3; the inputs have batch 2"):
        scan(X, state=scan.make_state(3))
    with pytest.raises(ArgumentError, match="state: made by another module, for scan/h: float64"):
        scan(X, state=load(pack(*scan_parts("float64"))).make_state(2))
    with pytest.raises(ArgumentError, match="state: lives on device 'local-task'; the module runs on 'local-sync'"):
        scan(X, state=load(artifact, threads=2).make_state(2))
    with pytest.raises(ArgumentTypeError, match="state: must come from make_state; got list"):
        scan(X, state=[X, X])
    with pytest.raises(ArgumentError, match="exclude each other"):
        scan(X, state=scan.make_state(2), initial_state=[X[:, 0], X[:, 0]])


@pytest.mark.parametrize(
    ("batch", "error"),
    [(-1, ArgumentError), (1.0, ArgumentTypeError), (True, ArgumentTypeError), ("1", ArgumentTypeError)],
)
def test_bad_batches_are_refused(scan, batch, error):
    with pytest.raises(error, match="batch: "):
        scan.make_state(batch)


def test_a_fixed_batch_size(scan_parts):
    vmfb, description = scan_parts()
    states = [{**entry, "shape": [2, 3]} for entry in description["states"]]
    module = load(pack(vmfb, {**description, "states": states}))
    assert module.make_state(2).batch == 2
    with pytest.raises(ArgumentError, match="'scan/h' has the fixed batch size 2; got 3"):
        module.make_state(3)


@pytest.mark.parametrize("threads", [1, 2])
def test_eight_threads_with_eight_states_give_what_one_gives(artifact, threads):
    module = load(artifact, threads=threads)
    rng = np.random.default_rng(3)
    calls = 30
    inputs = [rng.standard_normal((calls, 1 + k % 3, 5, 3)).astype(np.float32) for k in range(8)]
    masks = [rng.random((calls, 1 + k % 3, 5)) > 0.3 for k in range(8)]

    def run(k, results, errors=None):
        try:
            state = module.make_state(1 + k % 3)
            for x, mask in zip(inputs[k], masks[k], strict=True):
                results[k].append(module(x, mask=mask, state=state)[0])
                results[k].append(module(x)[0])  # and without one, sharing the module's own buffers
            results[k].extend(state.numpy().values())
        except BaseException as error:
            errors.append(error)
            raise

    alone = [[] for _ in range(8)]
    for k in range(8):
        run(k, alone)
    together, errors = [[] for _ in range(8)], []
    workers = [threading.Thread(target=run, args=(k, together, errors)) for k in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors
    for one, many in zip(alone, together, strict=True):
        assert len(one) == len(many) == 2 * calls + 2
        for a, b in zip(one, many, strict=True):
            np.testing.assert_array_equal(a, b)


class _Watched:
    """A VM context that runs something of the test's in the middle of each call."""

    def __init__(self, context, during):
        self._context = context
        self._during = during

    def invoke(self, *arguments):
        self._during()
        self._context.invoke(*arguments)


def _in_threads(count, run):
    errors = []

    def guarded():
        try:
            run()
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=guarded) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []


def test_threads_that_share_a_state_take_turns(artifact, monkeypatch):
    module = load(artifact)
    inside, most = [], []

    def linger():
        inside.append(1)
        time.sleep(0.002)  # time for another thread to come in, were it let
        most.append(len(inside))
        inside.pop()

    code = module._runners.home.code
    monkeypatch.setattr(code, "context", _Watched(code.context, linger))
    state = module.make_state(1)
    one = np.ones((1, 1, 3), np.float32)
    _in_threads(4, lambda: [module(one, state=state) for _ in range(5)])
    assert max(most) == 1
    alone = module.make_state(1)
    for _ in range(20):
        module(one, state=alone)
    np.testing.assert_array_equal(state.numpy()["scan/c"], alone.numpy()["scan/c"])


def test_threads_with_their_own_states_run_side_by_side(artifact, monkeypatch):
    module = load(artifact)
    meeting = threading.Barrier(3)
    code = module._runners.home.code
    monkeypatch.setattr(code, "context", _Watched(code.context, lambda: meeting.wait(timeout=30)))
    one = np.ones((1, 1, 3), np.float32)
    _in_threads(3, lambda: module(one, state=module.make_state(1)))


def test_overlapping_calls_write_to_different_scratch_memory(artifact, draw):
    module = load(artifact)
    buffers = module._runners.home.stateless
    first, second = buffers.take_scratch(2), buffers.take_scratch(2)
    assert first is not second
    buffers.give_back(2, first)
    assert buffers.take_scratch(2) is first
    module(draw(2, 2, 3))
    assert len(buffers._batches[2].scratch) == 1
    module(draw(2, 2, 3), device_outputs=True)  # device results may share memory with it, so it is not used again
    assert buffers._batches[2].scratch == []


def test_many_batch_sizes_do_not_pile_up(scan, draw):
    for batch in range(1, 40):
        scan(draw(batch, 1, 3))
    assert len(scan._runners.home.stateless._batches) <= 16
