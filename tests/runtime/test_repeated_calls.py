"""Calls like an earlier one take a short way: same numbers, same refusals, nothing left over from the call before."""

import gc
import threading
import warnings
import weakref

import numpy as np
import pytest

from lstm_ir.runtime import ArgumentError, ArgumentTypeError, ArtifactError, DeviceArray, ExecutionError, load, pack

MASK = np.array([[1, 0, 1, 1], [1, 1, 0, 0]], bool)


@pytest.fixture
def module(artifact):
    return load(artifact)


def _frames(cache):
    return sum(len(frames) for frames in cache.spare.values())


def _run(module, x, mask=None, state=None):
    """A call that must not go the long way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstm_ir.runtime.module.bind_inputs", None)
        return module(x, mask=mask, state=state)


@pytest.mark.parametrize("masked", [False, True])
def test_numbers_without_a_state(module, draw, expected, masked):
    mask = MASK if masked else None
    module(draw(2, 4, 3), mask=mask)
    for _ in range(4):
        x = draw(2, 4, 3)
        want = expected(x, mask)
        seq, last = _run(module, x, mask)
        np.testing.assert_allclose(seq, want.seq, rtol=1e-6)
        np.testing.assert_allclose(last, want.last, rtol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_numbers_with_a_state(artifact, draw, expected, threads, masked):
    module = load(artifact, threads=threads)
    state = module.make_state(2)
    h = c = np.zeros((2, 3), np.float32)
    for call in range(6):
        x = draw(2, 4, 3)
        mask = np.roll(MASK, call, 1) if masked else None
        want = expected(x, mask, h, c)
        h, c = want.h, want.c
        seq, _ = (module if call == 0 else lambda x, **rest: _run(module, x, **rest))(x, mask=mask, state=state)
        np.testing.assert_allclose(seq, want.seq, rtol=1e-5)
        np.testing.assert_allclose(state.numpy()["scan/h"], h, rtol=1e-5)
        np.testing.assert_allclose(state.numpy()["scan/c"], c, rtol=1e-5)


def test_signatures_do_not_mix(module, draw, expected):
    state = module.make_state(2)
    kinds = [(4, None), (3, None), (4, MASK), (4, ~MASK), (3, MASK[:, :3])]
    for _ in range(3):
        for time, mask in kinds:
            x = draw(2, time, 3)
            np.testing.assert_allclose(module(x, mask=mask)[0], expected(x, mask).seq, rtol=1e-6)
            before = state.numpy()
            want = expected(x, mask, before["scan/h"], before["scan/c"])
            np.testing.assert_allclose(module(x, mask=mask, state=state)[0], want.seq, rtol=1e-5)
    assert _frames(module._repeated._frames) == _frames(state.frames) == 4


@pytest.mark.parametrize(
    "given",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.float16),
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1].copy()[::-1],
        lambda x: np.frombuffer(x.tobytes(), np.float32).reshape(x.shape),
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape),
    ],
    ids=["f64", "f16", "fortran", "strided", "reversed", "read-only", "unaligned"],
)
def test_every_layout_and_float_width(module, draw, expected, given):
    module(draw(3, 4, 3))
    x = draw(3, 4, 3)
    array = given(x)
    kept = array.copy()
    np.testing.assert_allclose(_run(module, array)[0], expected(x).seq, rtol=1e-6)
    np.testing.assert_array_equal(array, kept)


@pytest.mark.parametrize("given", [lambda x: x.tolist(), lambda x: x.astype(">f4"), lambda x: x.astype(np.longdouble)])
def test_other_arrays_go_the_long_way(module, draw, expected, given):
    module(draw(3, 4, 3))
    x = draw(3, 4, 3)
    np.testing.assert_allclose(module(given(x))[0], expected(x).seq, rtol=1e-6)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16])
def test_masks_are_true_where_not_zero(module, draw, expected, dtype):
    x = draw(2, 4, 3)
    mask = MASK.astype(dtype) * dtype(3)
    module(x, mask=MASK)
    np.testing.assert_allclose(_run(module, x, mask)[0], expected(x, MASK).seq, rtol=1e-6)


@pytest.mark.parametrize("given", [lambda m: np.where(m, np.nan, 0), lambda m: m[:, :, None], lambda m: m.tolist()])
def test_other_masks_go_the_long_way(module, draw, expected, given):
    x = draw(2, 4, 3)
    for _ in range(3):
        np.testing.assert_allclose(module(x, mask=given(MASK))[0], expected(x, MASK).seq, rtol=1e-6)
        np.testing.assert_allclose(module(x, mask=MASK[:1])[0], expected(x, MASK[[0, 0]]).seq, rtol=1e-6)
        module(x, mask=MASK)


def test_a_value_beyond_float32_becomes_infinite_without_a_warning(module):
    x = np.full((1, 1, 3), 1e300)
    module(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(_run(module, x)[1]).all()


def test_what_is_wrong_is_refused_as_ever(module, artifact, scan_parts):
    x = np.zeros((2, 4, 3), np.float32)
    state, longer = module.make_state(2), module.make_state(3)
    for _ in range(3):
        module(x)
        module(x, mask=MASK)
        module(x, state=state)
        module(x, mask=MASK, state=state)
    elsewhere = load(artifact, threads=2).make_state(2)
    double = load(pack(*scan_parts("float64"))).make_state(2)
    for arguments, error, text in [
        ({"x": x.astype(int)}, ArgumentTypeError, "got int64"),
        ({"x": x.astype(object)}, ArgumentTypeError, "got an object array"),
        ({"x": np.ma.masked_array(x)}, ArgumentTypeError, "mask would be lost"),
        ({"x": x[:, :, :2]}, ArgumentError, "axis 2 must have size 3; got 2"),
        ({"x": x[:, :0]}, ArgumentError, "at least 1 step"),
        ({"mask": MASK.T}, ArgumentError, r"must be \(batch, time\) = \(2, 4\); got \(4, 2\)"),
        ({"mask": MASK[:, :3]}, ArgumentError, r"got \(2, 3\)"),
        ({"mask": MASK.astype(str)}, ArgumentTypeError, "got strings"),
        ({"state": longer}, ArgumentError, "state: has batch 3; the inputs have batch 2"),
        ({"state": elsewhere}, ArgumentError, "state: lives on device 'local-task'"),
        ({"state": double}, ArgumentError, "state: made by another module"),
        ({"state": [x[:, 0]] * 2}, ArgumentTypeError, "state: must come from make_state"),
        ({"state": state, "initial_state": [x[:, 0]] * 2}, ArgumentError, "exclude each other"),
        ({"seed": 1}, ArgumentError, "draws nothing"),
    ]:
        rest = {"x": x, **arguments}
        with pytest.raises(error, match=text):
            module(rest.pop("x"), **rest)


def test_arguments_of_the_long_way_still_count(module, draw, expected):
    x, h, c = draw(2, 4, 3), draw(2, 3), draw(2, 3)
    for _ in range(3):
        np.testing.assert_allclose(module(x)[1], expected(x).last, rtol=1e-6)
        np.testing.assert_allclose(module(x, initial_state=[h, c])[1], expected(x, None, h, c).last, rtol=1e-6)
        assert isinstance(module(x, device_outputs=True)[0], DeviceArray)


def test_results_stay_what_they_were(artifact, draw):
    module = load(artifact)
    state = module.make_state(2)
    results, copies = [], []
    for _ in range(30):
        x = draw(2, 4, 3)
        for result in (*module(x), *module(x, state=state), *module(x, mask=MASK)):
            assert result.flags.owndata
            assert result.flags.writeable
            results.append(result)
            copies.append(result.copy())
    del module, state
    gc.collect()
    for result, copy in zip(results, copies, strict=True):
        np.testing.assert_array_equal(result, copy)


def test_a_changed_state_is_where_the_next_call_starts(module, draw, expected):
    state = module.make_state(2)
    x = draw(2, 4, 3)
    for _ in range(3):
        module(x, state=state)
    state.reset()
    np.testing.assert_allclose(_run(module, x, state=state)[1], expected(x).last, rtol=1e-6)
    h, c = draw(2, 3), draw(2, 3)
    state.set([h, c])
    want = expected(x, None, h, c)
    np.testing.assert_allclose(_run(module, x, state=state)[1], want.last, rtol=1e-6)
    np.testing.assert_allclose(state.numpy()["scan/c"], want.c, rtol=1e-6)
    state.reset(1)
    h, c = state.numpy().values()
    np.testing.assert_allclose(_run(module, x, state=state)[1], expected(x, None, h, c).last, rtol=1e-6)


def test_a_stream_of_steps_takes_the_shortest_way(artifact, draw, expected):
    module, other = load(artifact), load(artifact)
    state = module.make_state(2)
    x = draw(2, 12, 3)
    steps = [np.ascontiguousarray(x[:, t : t + 1]) for t in range(12)]
    for step in steps[:3]:
        module(step, state=state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._repeated, "_run", None)
        for step in steps[3:6]:
            module(step, state=state)
    other(steps[6], state=state)  # what is not like the call before goes another way
    module(steps[7].astype(np.float64), state=state)
    module(steps[8], mask=np.ones((2, 1), bool), state=state)
    module(x[:, 9:11], state=state)
    last = module(steps[11], state=state)[1]
    np.testing.assert_allclose(last, expected(x).last, rtol=1e-6)
    state.reset()
    assert state.frames.last is None
    np.testing.assert_allclose(module(steps[0], state=state)[1], expected(steps[0]).last, rtol=1e-6)


def test_calls_with_a_mask_take_the_shortest_way_too(artifact, draw, expected):
    """Beside calls without one; a mask of other numbers, of a smaller shape or a full one counts as it is."""
    module = load(artifact)
    state, masked = module.make_state(2), module.make_state(2)
    for _ in range(2):
        module(draw(2, 4, 3))
        module(draw(2, 4, 3), mask=MASK)
        module(draw(2, 4, 3), state=state)
        module(draw(2, 4, 3), mask=MASK, state=masked)
    masked.reset()
    module(draw(2, 4, 3), mask=np.zeros((2, 4), int), state=masked)
    before = state.numpy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module._repeated, "_run", None)
        x = draw(2, 4, 3)
        for mask in (MASK, np.ones((2, 4), np.uint8), ~MASK, None):
            np.testing.assert_allclose(module(x, mask=mask)[0], expected(x, mask).seq, rtol=1e-6)
        np.testing.assert_allclose(module(x, mask=MASK, state=masked)[0], expected(x, MASK).seq, rtol=1e-6)
        want = expected(x, None, *before.values())
        np.testing.assert_allclose(module(x, state=state)[0], want.seq, rtol=1e-5)
    np.testing.assert_allclose(module(x, mask=MASK[:1])[0], expected(x, MASK[[0, 0]]).seq, rtol=1e-6)


def test_modules_that_share_a_state_keep_their_own_checks(scan_parts, draw, expected):
    vmfb, description = scan_parts()
    one_step = {**description, "inputs": [{**description["inputs"][0], "shape": [None, 1, 3]}]}
    module, stepwise = load(pack(vmfb, description)), load(pack(vmfb, one_step))
    state = module.make_state(2)
    x = draw(2, 2, 3)
    for _ in range(3):
        module(x, state=state)
        with pytest.raises(ArgumentError, match="axis 1 must have size 1; got 2"):
            stepwise(x, state=state)
    state.reset()
    for _ in range(3):
        module(x[:, :1], state=state)
        stepwise(x[:, :1], state=state)
    np.testing.assert_allclose(state.numpy()["scan/c"], expected(x[:, [0] * 6]).c, rtol=1e-6)


def test_a_state_does_not_keep_a_module_alive(artifact, draw):
    module = load(artifact)
    state = module.make_state(1)
    x = draw(1, 1, 3)
    for _ in range(3):
        module(x, state=state)
    gone = weakref.ref(module), weakref.ref(module._runners.home.code)
    del module
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
    load(artifact)(x, state=state)


def test_a_failed_call_leaves_no_frame_behind(module, draw, expected, monkeypatch):
    class Broken:
        def invoke(self, *_):
            raise RuntimeError("no")

    x = draw(2, 4, 3)
    state = module.make_state(2)
    for _ in range(2):
        module(x)
        module(x, state=state)
    assert (_frames(module._repeated._frames), _frames(state.frames)) == (1, 1)
    assert state.frames.last is not None
    with monkeypatch.context() as patch:
        patch.setattr(module._runners.home.code, "context", Broken())
        for rest in ({}, {"state": state}):
            with pytest.raises(ExecutionError, match="the call failed in IREE: no"):
                module(x, **rest)
    assert (_frames(module._repeated._frames), _frames(state.frames), state.frames.last) == (0, 0, None)
    np.testing.assert_allclose(_run(module, x)[0], expected(x).seq, rtol=1e-6)


class _Meeting:
    """A VM context in which calls wait for one another, so that all are inside at once."""

    def __init__(self, context, calls):
        self._context = context
        self._barrier = threading.Barrier(calls)

    def invoke(self, *arguments):
        self._barrier.wait(timeout=30)
        self._context.invoke(*arguments)
        self._barrier.wait(timeout=30)


def test_calls_at_the_same_time_have_frames_of_their_own(artifact, draw, expected):
    module = load(artifact)
    for _ in range(2):
        module(draw(2, 4, 3))
    module._runners.home.code.context = _Meeting(module._runners.home.code.context, 4)
    inputs = [draw(2, 4, 3) for _ in range(4)]
    results = {}

    def run(k):
        results[k] = [module(inputs[k])[0] for _ in range(3)]

    workers = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert _frames(module._repeated._frames) == 4
    for k, x in enumerate(inputs):
        for result in results[k]:
            np.testing.assert_allclose(result, expected(x).seq, rtol=1e-6)


def test_what_is_kept_is_bounded(module, draw):
    state = module.make_state(1)
    for time in range(1, 40):
        for _ in range(2):
            module(draw(1, time, 3))
            module(draw(1, time, 3), state=state)
    assert len(module._repeated._frames.spare) == 16
    assert len(state.frames.spare) == 4
    module(draw(1, 1, 3))  # forgotten, and learned anew
    x = draw(1, 1, 3)
    _run(module, x)
    big = draw(1, 3000, 3)
    for _ in range(2):
        module(big, state=state)
    assert (big.shape, module._repeated._token) not in state.frames.spare


def test_a_batch_of_nothing_is_never_remembered(module):
    x = np.zeros((0, 4, 3), np.float32)
    for _ in range(3):
        assert module(x)[0].shape == (0, 4, 3)
    assert (x.shape, module._repeated._token) not in module._repeated._frames.spare


def test_inputs_by_name_go_the_short_way_too(module, draw, expected):
    module({"x": draw(2, 4, 3)})
    x = draw(2, 4, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstm_ir.runtime.module.bind_inputs", None)
        np.testing.assert_allclose(module({"x": x})[0], expected(x).seq, rtol=1e-6)
    for wrong in ({"y": x}, {"x": x, "y": x}, {}):
        with pytest.raises(ArgumentError, match="inputs: "):
            module(wrong)


def test_several_inputs_go_the_short_way(total):
    a = np.ones((3, 2), np.float32)
    names = [spec.name for spec in total.inputs]
    total(a, a)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstm_ir.runtime.module.bind_inputs", None)
        for k in range(3):
            np.testing.assert_array_equal(total(a, k * a), (1 + k) * a)
            np.testing.assert_array_equal(total(a, (k * a).astype(np.float64)), (1 + k) * a)
            np.testing.assert_array_equal(total(dict(zip(names, (k * a, a), strict=True))), (1 + k) * a)
    with pytest.raises(ArgumentError, match="the module takes 2"):
        total(a)
    with pytest.raises(ArgumentError, match="batch sizes must agree"):
        total(a, a[:2])


@pytest.mark.parametrize("rows", [3, 20_000])
def test_one_output_comes_back_alone(echo_parts, rows):
    vmfb, description = echo_parts
    module = load(pack(vmfb, {**description, "outputs": description["outputs"][:1]}))
    for value in range(4):
        x = np.full((rows, 2), value, np.float32)
        result = module(x) if value == 0 else _run(module, x)
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, x)


def test_empty_results_are_never_remembered(echo_parts):
    vmfb, description = echo_parts
    tensor = {**description["inputs"][0], "batch_axis": None}
    module = load(pack(vmfb, {**description, "inputs": [tensor]}))
    for _ in range(3):
        assert [result.shape for result in module(np.zeros((0, 2), np.float32))] == [(0, 2)] * 4
    assert not module._repeated._frames.spare


@pytest.fixture
def in_place(echo_parts):
    """Loads the module of echoes with its entry point for calls that come again."""
    vmfb, description = echo_parts
    entries = {**description["entries"], "call_in_place": "call_in_place"}
    return lambda **change: load(pack(vmfb, {**description, "entries": entries, **change}))


def test_calls_that_come_again_have_memory_for_results(in_place):
    module = in_place()
    results = []
    for value in range(5):
        results.append(module(np.full((3, 2), value, np.float32)))
    (frame,) = module._repeated._frames.spare[(3, 2), module._repeated._token]
    assert len(frame.outputs) == 4
    assert len(frame.results) == 0
    del module, frame
    gc.collect()
    for value, (echo, again, workers, as_many) in enumerate(results):
        for result, right in ((echo, value), (again, value), (workers, value + 1), (as_many, value + 1)):
            assert result.flags.owndata
            np.testing.assert_array_equal(result, np.full((3, 2), right))


def test_large_results_need_none(in_place, monkeypatch):
    monkeypatch.setattr("lstm_ir.runtime.results._COPIED_TO", 1 << 17)
    module = in_place()
    for value in range(3):
        for result in module(np.full((20_000, 2), value, np.float32))[:2]:
            np.testing.assert_array_equal(result, np.full((20_000, 2), value))
    (frame,) = module._repeated._frames.spare[(20_000, 2), module._repeated._token]
    assert frame.outputs is None


def test_each_thread_has_memory_of_its_own(in_place):
    module = in_place()
    for _ in range(2):
        module(np.zeros((3, 2), np.float32))
    module._runners.home.code.context = _Meeting(module._runners.home.code.context, 4)
    results = {}

    def run(value):
        results[value] = [module(np.full((3, 2), value, np.float32)) for _ in range(3)]

    workers = [threading.Thread(target=run, args=(value,)) for value in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for value, calls in results.items():
        assert [call[0][0, 0] for call in calls] == [value] * 3
    frames = module._repeated._frames.spare[(3, 2), module._repeated._token]
    assert len({id(frame) for frame in frames}) == len(frames) == 4


def test_other_calls_between(in_place):
    """The last shape is tried first; what is not of it finds its own frame."""
    module = in_place()
    for _ in range(3):
        for rows in (1, 2, 2, 3):
            for dtype in (np.float32, np.float64):
                assert module(np.full((rows, 2), rows, dtype))[0].tolist() == [[rows, rows]] * rows
    with pytest.raises(ArgumentError, match="axis 1 must have size 2"):
        module(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"entries": {"call": "call", "call_in_place": "in_place"}}, "no entry function 'in_place'"),
        ({"entries": {"call": "call", "call_in_place": 7}}, "no entry function 7"),
        ({"entries": {"call": "call", "call_in_place": "call"}}, "'call' does not take the 7 arguments"),
        ({"entries": {"call": "call_in_place"}}, "'call_in_place' does not take the 1 arguments"),
        ({"outputs": [{"name": "y", "shape": [None, 2], "dtype": "float32", "batch_axis": 0}]}, "the 4 arguments"),
        ({"inputs": [{"name": "x", "shape": [3, 2], "dtype": "float32"}]}, "the 6 arguments"),
        ({"inputs": [{"name": "x", "shape": [None, 2], "dtype": "float32"}]}, "axis 0 of 'x' is open, and is not its"),
    ],
)
def test_another_entry_than_the_description_says(in_place, change, text):
    with pytest.raises(ArtifactError, match=text):
        in_place(**change)
