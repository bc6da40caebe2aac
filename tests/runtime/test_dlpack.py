"""Arrays of other libraries, in and out, by DLPack."""

import gc

import numpy as np
import pytest

from lstm_ir.runtime import ArgumentError, ArgumentTypeError
from lstm_ir.runtime.device_array import element_type, upload


class OnDevice:
    """Another library's array on a device: memory of a buffer of ours under another name."""

    def __init__(self, array, kind):
        self.array, self.kind = array, kind

    def __dlpack_device__(self):
        return self.kind

    def __dlpack__(self, **_):
        return self.array.__dlpack__()


def test_results_are_handed_out_without_a_copy(scan, draw, expected):
    x = draw(2, 5, 3)
    y = scan(x, device_outputs=True)[0]
    assert y.__dlpack_device__() == (1, 0)
    outside = np.from_dlpack(y)
    assert np.shares_memory(outside, np.from_dlpack(y))
    del y
    gc.collect()
    np.testing.assert_allclose(outside, expected(x).seq, rtol=1e-6)


def test_arrays_of_the_cpu_are_taken(scan, draw):
    x = draw(2, 5, 3)
    np.testing.assert_array_equal(scan(OnCpu(x))[0], scan(x)[0])


class OnCpu:
    """Another library's array on the CPU."""

    def __init__(self, array):
        self.array = array

    def __dlpack_device__(self):
        return (1, 0)

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_arrays_on_another_device_are_refused(scan, draw):
    with pytest.raises(ArgumentError, match=r"input 'x': the OnDevice is on another device \(DLPack's 2, 1\)"):
        scan(OnDevice(draw(2, 5, 3), (2, 1)))


def test_arrays_on_the_modules_device_are_used_where_they_are(scan, draw, monkeypatch):
    # A CPU's device under the number of a GPU's, which takes the way of a GPU's arrays.
    from lstm_ir.runtime import dlpack

    x = draw(2, 5, 3)
    y = scan(x, device_outputs=True)[0]
    want = scan(y)[0]
    monkeypatch.setattr(dlpack, "CPU", 99)
    taken = []
    original = type(scan.device.hal).from_dlpack_capsule
    monkeypatch.setattr(
        dlpack,
        "import_from_device",
        lambda value, label, device: taken.append(original(device.hal, value.__dlpack__())) or taken[-1],
    )
    monkeypatch.setattr("lstm_ir.runtime.arguments.import_from_device", dlpack.import_from_device)
    np.testing.assert_array_equal(scan(OnDevice(y, (99, 0)))[0], want)
    assert len(taken) == 1
    wrong = upload(scan.device, draw(2, 5, 3).astype(np.float64), element_type("float64"))
    monkeypatch.setattr("lstm_ir.runtime.arguments.import_from_device", lambda *_: wrong)
    with pytest.raises(ArgumentTypeError, match="an array on a device must be float32"):
        scan(OnDevice(y, (99, 0)))


def test_torch_tensors(scan, draw):
    torch = pytest.importorskip("torch")
    x = draw(2, 5, 3)
    np.testing.assert_array_equal(scan(torch.from_numpy(x))[0], scan(x)[0])
    y = scan(x, device_outputs=True)[0]
    np.testing.assert_array_equal(torch.from_dlpack(y).numpy(), y.numpy())
