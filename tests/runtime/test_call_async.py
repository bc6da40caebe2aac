"""Calls that the caller does not wait for."""

import gc
import threading
import time

import numpy as np
import pytest

from lstm_ir.runtime import ArgumentError, load


def test_results_come_later(scan, draw):
    inputs = [draw(2, 5, 3) for _ in range(8)]
    pending = [scan.call_async(x) for x in inputs]
    for x, future in zip(inputs, pending, strict=True):
        np.testing.assert_array_equal(future.result(timeout=60)[0], scan(x)[0])


def test_calls_of_one_state_keep_their_order(scan, draw, expected):
    x = draw(2, 40, 3)
    state = scan.make_state(2)
    pending = [scan.call_async(part, state=state) for part in np.split(x, 40, axis=1)]
    parts = [future.result(timeout=60)[0] for future in pending]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), expected(x).seq, rtol=1e-6)


def test_what_a_call_raises_the_result_raises(scan, draw):
    bad = scan.call_async(draw(2, 5, 4))
    good = scan.call_async(draw(2, 5, 3))
    with pytest.raises(ArgumentError, match="axis 2 must have size 3"):
        bad.result(timeout=60)
    assert good.result(timeout=60)[0].shape == (2, 5, 3)


def test_the_thread_ends_with_the_module(artifact, draw):
    module = load(artifact)
    module.call_async(draw(1, 2, 3)).result(timeout=60)
    names = {thread.name for thread in threading.enumerate()}
    assert any(name.startswith("lstm-ir-call") for name in names)
    before = threading.active_count()
    del module
    gc.collect()
    end = time.monotonic() + 20
    while threading.active_count() >= before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() < before
