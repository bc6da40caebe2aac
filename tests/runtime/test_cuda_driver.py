"""What is said where NVIDIA's driver is there under another name than IREE's."""

import ctypes

import pytest

from lstm_ir.runtime import cuda_driver


@pytest.mark.parametrize(
    ("there", "says"), [((), None), (("libcuda.so.1",), "libcuda.so.1 only"), (("libcuda.so", "libcuda.so.1"), None)]
)
def test_a_driver_under_another_name(monkeypatch, there, says):
    def load(name):
        if name not in there:
            raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", load)
    found = cuda_driver.missing_link()
    assert found is None if says is None else says in found
