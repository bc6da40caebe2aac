"""Calls of a loaded module: right answers for every kind of array; results and arguments stay what they were."""

import dataclasses

import numpy as np
import pytest

from lstm_ir.runtime import ArgumentError, ArgumentTypeError, DeviceArray, load, pack


def test_outputs_states_and_description(scan, draw, expected):
    x = draw(2, 5, 3)
    seq, last = scan(x)
    want = expected(x)
    np.testing.assert_allclose(seq, want.seq, rtol=1e-6)
    np.testing.assert_allclose(last, want.last, rtol=1e-6)
    assert [spec.name for spec in scan.states] == ["scan/h", "scan/c"]
    assert scan.inputs[0].shape == (None, None, 3)
    assert scan.forms == {"scan": "loop"}
    assert scan.name == "scan"
    assert "x: float32(?, ?, 3)" in repr(scan)


def test_batch_and_time_may_change_from_call_to_call(scan, draw, expected):
    for batch, time in [(1, 1), (4, 9), (2, 3), (1, 40), (4, 9)]:
        x = draw(batch, time, 3)
        np.testing.assert_allclose(scan(x)[0], expected(x).seq, rtol=1e-6)


@pytest.mark.parametrize(
    "mask_of",
    [
        lambda m: m,
        lambda m: m.astype(np.int64) * -3,
        lambda m: np.where(m, 0.5, 0.0),
        lambda m: np.where(m, np.nan, 0.0),
        lambda m: m.astype(np.float16),
        lambda m: m.astype(np.uint8)[:, :, None],
        lambda m: np.asfortranarray(m),
        lambda m: m.tolist(),
        lambda m: m.astype(">i4"),
        lambda m: m * 1j,
    ],
    ids=["bool", "int", "half", "nan", "float16", "trailing-axis", "fortran", "lists", "big-endian", "complex"],
)
def test_mask_is_true_where_not_zero(scan, draw, expected, mask_of):
    x = draw(3, 6, 3)
    mask = np.array([[1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0]], bool)
    want = expected(x, mask)
    seq, last = scan(x, mask=mask_of(mask))
    np.testing.assert_allclose(seq, want.seq, rtol=1e-6)
    np.testing.assert_allclose(last, want.last, rtol=1e-6)


def test_mask_of_batch_one_stands_for_all(scan, draw, expected):
    x = draw(3, 4, 3)
    row = np.array([[1, 0, 0, 1]])
    np.testing.assert_allclose(scan(x, mask=row)[0], expected(x, np.repeat(row, 3, 0)).seq, rtol=1e-6)


@pytest.mark.parametrize(
    "given",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.float16),
        lambda x: x.astype(np.longdouble),
        lambda x: x.astype(">f4"),
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1].copy()[::-1],
        lambda x: x.tolist(),
        lambda x: {"x": x},
        lambda x: np.frombuffer(x.tobytes(), np.float32).reshape(x.shape),  # read-only
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape),  # unaligned
    ],
    ids=[
        "f64",
        "f16",
        "longdouble",
        "big-endian",
        "fortran",
        "strided",
        "reversed",
        "lists",
        "dict",
        "read-only",
        "unaligned",
    ],
)
def test_every_layout_and_float_width(scan, draw, expected, given):
    x = draw(3, 4, 3)
    np.testing.assert_allclose(scan(given(x))[0], expected(x).seq, rtol=1e-6)


def test_broadcast_input_with_zero_strides(scan, draw, expected):
    x = np.broadcast_to(draw(1, 1, 3), (2, 5, 3))
    np.testing.assert_allclose(scan(x)[0], expected(x).seq, rtol=1e-6)


def test_a_value_beyond_float32_becomes_infinite_without_a_warning(scan):
    assert np.isinf(scan(np.full((1, 1, 3), 1e300))[1]).all()


def test_nan_passes_through(scan, draw):
    x = draw(2, 3, 3)
    x[1, 1, 2] = np.nan
    seq, _ = scan(x)
    assert np.isnan(seq[1, 1:, 2]).all()
    assert np.isnan(seq).sum() == 2


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_other_float_dtypes(scan_parts, draw, expected, dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    module = load(pack(*scan_parts(dtype)))
    x = draw(2, 3, 3)
    seq, last = module(x)
    assert seq.dtype.name == last.dtype.name == dtype
    np.testing.assert_allclose(seq.astype(np.float64), expected(x.astype(np.float64)).seq, rtol=2e-2, atol=2e-2)
    state = module.make_state(2)
    module(x, state=state)
    np.testing.assert_array_equal(state.numpy()["scan/h"], last)


def test_initial_state_in_order_and_by_name(scan, draw, expected):
    x, h, c = draw(2, 4, 3), draw(2, 3), draw(2, 3)
    want = expected(x, None, h, c)
    np.testing.assert_allclose(scan(x, initial_state=[h, c])[1], want.last, rtol=1e-6)
    np.testing.assert_allclose(scan(x, initial_state=(h.astype(np.float64), c))[1], want.last, rtol=1e-6)
    np.testing.assert_allclose(scan(x, initial_state={"scan/h": h})[1], want.last, rtol=1e-6)
    np.testing.assert_allclose(scan(x, initial_state={"scan/c": c})[1], expected(x).last, rtol=1e-6)
    np.testing.assert_allclose(scan(x)[1], expected(x).last, rtol=1e-6)  # nothing was left behind


def test_arguments_are_never_written(scan, draw):
    x, h, c, mask = draw(2, 4, 3), draw(2, 3), draw(2, 3), np.array([[1, 0, 1, 1], [1, 1, 0, 0]], np.int8)
    kept = [array.copy() for array in (x, h, c, mask)]
    first = scan(x, mask=mask, initial_state=[h, c])
    second = scan(x, mask=mask, initial_state=[h, c])
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    for array, before in zip((x, h, c, mask), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_device_arguments_are_never_written(scan, draw):
    x = draw(2, 4, 3)
    seq, last = scan(x, device_outputs=True)
    before = seq.numpy(), last.numpy()
    first = scan(seq, initial_state=[last, last])
    second = scan(seq, initial_state=[last, last])
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(seq.numpy(), before[0])
    np.testing.assert_array_equal(last.numpy(), before[1])


def test_a_device_argument_set_into_a_state_is_copied(scan, draw):
    x = draw(2, 4, 3)
    _, last = scan(x, device_outputs=True)
    before = last.numpy()
    state = scan.make_state(2)
    state.set([last, last])
    scan(x, state=state)
    np.testing.assert_array_equal(last.numpy(), before)


def test_slices_of_results_outlive_everything_else(artifact):
    # IREE's own to_host() hands out memory that a slice does not keep alive: this loop then read freed memory.
    module = load(artifact)
    x = np.ones((8, 64, 3), np.float32)
    want = module(x)[0].copy()
    bad = 0
    for _ in range(200):
        part = module(x)[0][1:]
        junk = [np.full((8, 64, 3), 7, np.float32) for _ in range(3)]
        bad += int((part != want[1:]).any())
        del junk
    del module
    assert bad == 0
    np.testing.assert_array_equal(part, want[1:])


def test_earlier_results_are_untouched_by_later_calls(scan, draw):
    state = scan.make_state(2)
    x = draw(2, 3, 3)
    host = scan(x, state=state)
    device = scan(x, state=state, device_outputs=True)
    kept = [array.copy() for array in host], [array.numpy() for array in device]
    for _ in range(4):
        scan(draw(2, 3, 3), state=state)
        scan(draw(2, 3, 3))
    for array, before in zip(host, kept[0], strict=True):
        np.testing.assert_array_equal(array, before)
    for array, before in zip(device, kept[1], strict=True):
        np.testing.assert_array_equal(array.numpy(), before)


def test_results_are_ordinary_writable_arrays(scan, draw):
    seq, _ = scan(draw(2, 3, 3))
    assert type(seq) is np.ndarray
    assert seq.flags.owndata
    assert seq.flags.writeable
    assert seq.flags.c_contiguous


def test_device_outputs(scan, draw, expected):
    x = draw(2, 3, 3)
    seq, last = scan(x, device_outputs=True)
    assert isinstance(seq, DeviceArray)
    assert (seq.shape, seq.dtype, seq.ndim, len(seq)) == ((2, 3, 3), np.float32, 3, 2)
    np.testing.assert_allclose(seq.numpy(), expected(x).seq, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(last), expected(x).last, rtol=1e-6)
    np.testing.assert_allclose(scan(seq)[0], expected(seq.numpy()).seq, rtol=1e-6)
    assert "shape=(2, 3, 3)" in repr(seq)


def test_device_arrays_of_another_device_or_shape_are_refused(scan, artifact, draw):
    seq, last = scan(draw(2, 3, 3), device_outputs=True)
    other = load(artifact, threads=2)
    with pytest.raises(ArgumentError, match="input 'x': the array is on device 'local-sync'"):
        other(seq)
    with pytest.raises(ArgumentError, match="must have 3 axes"):
        scan(last)


def test_batch_zero_gives_empty_results(scan):
    x = np.zeros((0, 4, 3), np.float32)
    seq, last = scan(x, mask=np.zeros((0, 4)))
    assert (seq.shape, last.shape, seq.dtype) == ((0, 4, 3), (0, 3), np.float32)
    state = scan.make_state(0)
    assert scan(x, state=state, device_outputs=True)[0].shape == (0, 4, 3)
    assert state.numpy()["scan/c"].shape == (0, 3)


def test_one_output_comes_back_alone(total):
    a = np.ones((3, 2), np.float32)
    result = total(a, a)
    np.testing.assert_array_equal(result, a + a)
    np.testing.assert_array_equal(total({"b": a, "a": 2 * a}), 3 * a)


def test_no_entry_has_states_to_make(total):
    with pytest.raises(ArgumentError, match="no recurrent states"):
        total.make_state(2)


X = np.zeros((2, 4, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((), ArgumentError, r"takes 1 \(x: float32\(\?, \?, 3\)\); got 0"),
        ((X, X), ArgumentError, "takes 1 .* got 2"),
        (({},), ArgumentError, "missing 'x'"),
        (({"x": X, "z": X},), ArgumentError, "unknown 'z'; the module's inputs are 'x'"),
        ((X[0],), ArgumentError, r"input 'x': must have 3 axes \(\?, \?, 3\); got 2 axes \(4, 3\)"),
        ((X[:, :, :2],), ArgumentError, "input 'x': axis 2 must have size 3; got 2"),
        ((X[:, :0],), ArgumentError, "time axis must have at least 1 step"),
        ((X.astype(int),), ArgumentTypeError, "input 'x': must be floating .*float32.*; got int64"),
        ((X.astype(bool),), ArgumentTypeError, "got bool"),
        ((X.astype(complex),), ArgumentTypeError, "got complex128"),
        ((X.astype(str),), ArgumentTypeError, "got strings"),
        ((X.astype(bytes),), ArgumentTypeError, "got bytes"),
        ((X.astype(object),), ArgumentTypeError, "got an object array"),
        ((X.astype(int).tolist(),), ArgumentTypeError, "got int64"),
        ((None,), ArgumentTypeError, "got an object array"),
        (("file.npy",), ArgumentTypeError, "got strings"),
        (([[1.0, 2.0], [1.0]],), ArgumentError, "uneven lengths"),
        ((1.5,), ArgumentError, "got 0 axes"),
        ((np.ma.masked_array(X, X == 0),), ArgumentTypeError, "mask would be lost"),
        ((X.astype("datetime64[s]"),), ArgumentTypeError, "got datetime64"),
    ],
)
def test_bad_inputs_are_refused(scan, arguments, error, text):
    with pytest.raises(error, match=text) as caught:
        scan(*arguments)
    assert "\n" not in str(caught.value)


def test_inputs_must_agree_in_batch(total):
    with pytest.raises(ArgumentError, match="batch sizes must agree; 'a' has 2 and 'b' has 3"):
        total(np.zeros((2, 2)), np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("mask", "error", "text"),
    [
        (np.ones((4, 2)), ArgumentError, r"mask: must be \(batch, time\) = \(2, 4\); got \(4, 2\)"),
        (np.ones((2, 5)), ArgumentError, r"got \(2, 5\)"),
        (np.ones((2, 3)), ArgumentError, r"got \(2, 3\)"),
        (np.ones((2, 1)), ArgumentError, r"got \(2, 1\)"),
        (np.ones(4), ArgumentError, r"got \(4,\)"),
        (np.ones((2, 4, 3)), ArgumentError, r"got \(2, 4, 3\)"),
        (np.bool_(True), ArgumentError, r"got \(\)"),
        (np.full((2, 4), "a"), ArgumentTypeError, "mask: must be bool or numeric; got strings"),
        (np.full((2, 4), None), ArgumentTypeError, "got an object array"),
        ([[True], [True, False]], ArgumentError, "uneven lengths"),
    ],
)
def test_bad_masks_are_refused(scan, mask, error, text):
    with pytest.raises(error, match=text):
        scan(X, mask=mask)


def test_a_mask_for_a_module_without_one_is_refused_with_its_reason(total):
    with pytest.raises(ArgumentError, match="accepts no mask: no layer of the model is recurrent"):
        total(np.zeros((2, 2)), np.zeros((2, 2)), mask=np.ones((2, 1)))


S = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    ("states", "error", "text"),
    [
        ([S], ArgumentError, r"initial_state: must have 2 states \('scan/h', 'scan/c'\); got 1"),
        ({"h": S}, ArgumentError, "initial_state: unknown 'h'; the module's states are 'scan/h', 'scan/c'"),
        ([S, S[:1]], ArgumentError, "initial_state 'scan/c': must have batch 2; got 1"),
        ([S, S[:, :2]], ArgumentError, "initial_state 'scan/c': axis 1 must have size 3; got 2"),
        ([S, None], ArgumentTypeError, "initial_state 'scan/c': must be an array; got None"),
        ([S, S.astype(int)], ArgumentTypeError, "initial_state 'scan/c': must be floating"),
        (S, ArgumentTypeError, "initial_state: must be a list or tuple .* or a dict by name; got ndarray"),
    ],
)
def test_bad_initial_states_are_refused(scan, states, error, text):
    with pytest.raises(error, match=text):
        scan(X, initial_state=states)


def test_a_failure_inside_iree_is_an_error_of_ours(scan, monkeypatch):
    from lstm_ir.runtime import ExecutionError

    class Broken:
        def invoke(self, *_):
            raise ValueError("status.c:12: INVALID_ARGUMENT; something\nwith a trace")

    monkeypatch.setattr(scan._runners.home.code, "context", Broken())
    with pytest.raises(ExecutionError, match=r"the call failed in IREE: status\.c:12: INVALID_ARGUMENT; something$"):
        scan(X)


def test_ctrl_c_passes_through(scan, monkeypatch):
    class Interrupted:
        def invoke(self, *_):
            raise KeyboardInterrupt

    monkeypatch.setattr(scan._runners.home.code, "context", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        scan(X)


def test_results_of_devices_that_numpy_cannot_read(scan, draw):
    # The way back from a GPU, taken with a local buffer: IREE's transfer, and a copy that owns its memory.
    from lstm_ir.runtime.device_array import download

    seq, _ = scan(draw(2, 3, 3), device_outputs=True)
    remote = dataclasses.replace(scan.device, driver="cuda")
    array = download(remote, seq.view, seq.dtype)
    np.testing.assert_array_equal(array, seq.numpy())
    array += 1  # ours alone
    np.testing.assert_array_equal(download(remote, seq.view, seq.dtype), seq.numpy())


def test_device_arrays_as_numpy_sees_them(scan, draw):
    seq, _ = scan(draw(2, 3, 3), device_outputs=True)
    assert np.asarray(seq, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="without a copy"):
        seq.__array__(copy=False)
    # Another float width is cast by way of the host.
    np.testing.assert_array_equal(scan(np.asarray(seq, np.float64))[0], scan(seq)[0])
