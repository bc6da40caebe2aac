"""The calling thread's scheduling policy while worker threads run a call."""

import os

import numpy as np
import pytest

from lstm_ir.runtime import load
from lstm_ir.runtime.waiting import giving_way

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="this system has no policies to choose from")


@pytest.fixture
def ordinary():
    before = os.sched_getscheduler(0)
    if before != os.SCHED_OTHER:
        pytest.skip(f"this thread has policy {before}")
    yield
    os.sched_setscheduler(0, before, os.sched_param(0))


def test_it_is_that_of_a_thread_that_preempts_nobody_and_comes_back(ordinary):
    with giving_way():
        assert os.sched_getscheduler(0) == os.SCHED_BATCH
        with giving_way():
            assert os.sched_getscheduler(0) == os.SCHED_BATCH
        assert os.sched_getscheduler(0) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_it_comes_back_after_an_error(ordinary):
    with pytest.raises(KeyError), giving_way():
        raise KeyError
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_a_policy_of_the_callers_own_is_left(ordinary):
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with giving_way():
        assert os.sched_getscheduler(0) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_BATCH


def test_where_it_is_not_allowed_nothing_happens(ordinary, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with giving_way():
        assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.parametrize(("threads", "policy"), [(1, "SCHED_OTHER"), (2, "SCHED_BATCH")])
def test_calls_with_workers_give_way(ordinary, artifact, threads, policy):
    module = load(artifact, threads=threads)
    code = module._runners.home.code
    found = []

    class Watched:
        def invoke(self, *arguments):
            found.append(os.sched_getscheduler(0))
            return context.invoke(*arguments)

    context, code.context = code.context, Watched()
    module(np.zeros((2, 4, 3), np.float32))
    assert found == [getattr(os, policy)]
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
