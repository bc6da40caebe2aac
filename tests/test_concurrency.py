"""One compiled module, called from eight threads at once: every thread gets what it gets alone, bit for bit."""

import threading

import numpy as np
import pytest

import lstm_ir
from lstm_ir import compiler
from lstm_ir.layers import LSTM

THREADS = 8
CALLS = 6
FEATURES = 5


@pytest.fixture(scope="module", params=["persistent", "cooperative", "loop"])
def artifact(request):
    layer = LSTM(24, return_sequences=True)
    layer.build((None, None, FEATURES))
    return compiler.compile_artifact(layer, form=request.param).data


@pytest.fixture(scope="module", params=[1, 2], ids=["local-sync", "local-task"])
def module(artifact, request):
    module = lstm_ir.load(artifact, threads=request.param)
    assert module.device.name.startswith("local-sync" if request.param == 1 else "local-task")
    return module


def inputs_of(worker):
    """Each worker has its own batch, and a length of its own in every call."""
    rng = np.random.default_rng(worker)
    shapes = [(worker + 1, 2 + (worker + call) % 5, FEATURES) for call in range(CALLS)]
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def continue_from_call_to_call(module, worker):
    state = module.make_state(worker + 1)
    outputs = [module(x, state=state) for x in inputs_of(worker)]
    return [*outputs, *state.numpy().values()]


def mask_every_call(module, worker):
    rng = np.random.default_rng(100 + worker)
    return [module(x, mask=rng.random(x.shape[:2]) > 0.4) for x in inputs_of(worker)]


def alternate(module, worker):
    """Both entry points in turn, from given initial states."""
    results = []
    for number, x in enumerate(inputs_of(worker)):
        mask = np.arange(x.shape[1])[None, :] < 2 if number % 2 else None
        states = [np.full((len(x), 24), 0.1 * worker, "float32")] * 2
        results.append(module(x, mask=mask, initial_state=states))
    return results


def at_once(work, module):
    start = threading.Barrier(THREADS)
    results: dict[int, list[np.ndarray]] = {}
    errors = []

    def run(worker):
        try:
            start.wait()
            for _ in range(3):
                results[worker] = work(module, worker)
        except BaseException as error:  # shown by the test, not by the thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    return results


@pytest.mark.parametrize("work", [continue_from_call_to_call, mask_every_call, alternate])
def test_eight_threads_get_what_one_gets(module, work):
    alone = {worker: work(module, worker) for worker in range(THREADS)}
    together = at_once(work, module)
    assert set(together) == set(alone)
    for worker, results in alone.items():
        assert len(results) == len(together[worker]) >= CALLS
        for want, got in zip(results, together[worker], strict=True):
            np.testing.assert_array_equal(got, want)


def test_both_drivers_give_the_same(artifact):
    one, two = (lstm_ir.load(artifact, threads=threads) for threads in (1, 2))
    for work in (continue_from_call_to_call, mask_every_call):
        for want, got in zip(work(one, 3), work(two, 3), strict=True):
            np.testing.assert_array_equal(got, want)
