"""Which form is chosen from which facts, and what is said about it."""

import pytest

from lstm_ir.passes.cost_model import UNROLLED_MAX_STEPS, ScanFacts, advised_driver, choose, estimates
from lstm_ir.passes.kernels.vector_target import VECTOR_TARGETS

NO_KERNELS = "there are no kernels for this target"


def _facts(time=None, *, batch=None, units=64, features=16, unroll=False, **kernels):
    """What is known of a scan; without further facts no kernel can be built."""
    return ScanFacts(batch=batch, time=time, features=features, units=units, gates=4, unroll=unroll, **kernels)


def _kernel_facts(time=None, *, vector="avx2", workers=2, **facts):
    return _facts(time, vector=vector, workers=workers, **facts)


def _step(facts, form):
    return next(estimate.step_us for estimate in estimates(facts) if estimate.form == form)


@pytest.mark.parametrize(
    ("facts", "form"),
    [
        (_facts(), "loop"),
        (_facts(1), "unrolled"),
        (_facts(UNROLLED_MAX_STEPS), "unrolled"),
        (_facts(UNROLLED_MAX_STEPS + 1), "loop"),
        (_facts(UNROLLED_MAX_STEPS + 1, unroll=True), "unrolled"),
        # A wish that cannot be granted for a dynamic number of steps is not an error of the model's.
        (_facts(unroll=True), "loop"),
        (_facts(10, batch=1024, units=1024), "unrolled"),
        # No kernel for this scan, whatever the target has.
        (_kernel_facts(no_kernel="softmax needs a whole row"), "loop"),
        # With kernels: small steps and many rows on one core each, wide steps of few rows shared.
        (_kernel_facts(), "persistent"),
        (_kernel_facts(8), "persistent"),
        (_kernel_facts(batch=256), "persistent"),
        (_kernel_facts(units=512), "cooperative"),
        # Sharing would gain less than what a core taken away costs those that wait for it.
        (_kernel_facts(units=160, features=160), "persistent"),
        (_kernel_facts(units=192, features=128), "cooperative"),
        (_kernel_facts(units=256, workers=1), "persistent"),
        (_kernel_facts(units=256, batch=1, workers=8), "cooperative"),
        # The layer's own wish comes first.
        (_kernel_facts(10, unroll=True), "unrolled"),
        (_kernel_facts(unroll=True), "persistent"),
    ],
)
def test_automatic_choice(facts, form):
    chosen, reason = choose(facts, "auto")
    assert chosen == form
    assert reason


@pytest.mark.parametrize("facts", [_facts(10), _kernel_facts(10), _kernel_facts(units=256)])
def test_reason_speaks_of_every_form(facts):
    _, reason = choose(facts, "auto")
    notes = {estimate.form: estimate.note for estimate in estimates(facts)}
    for form, note in notes.items():
        assert form in reason or note in reason
    assert "us/step" in reason


@pytest.mark.parametrize("form", ["loop", "unrolled", "persistent", "cooperative"])
def test_what_is_asked_for(form):
    assert choose(_kernel_facts(10), form)[0] == form
    assert choose(_kernel_facts(10), form)[1].startswith("asked for; ")


def test_unrolled_may_be_asked_for_at_any_static_length():
    assert choose(_facts(1000), "unrolled")[0] == "unrolled"


def test_cooperative_may_be_asked_for_on_one_core():
    facts = _kernel_facts(workers=1)
    assert choose(facts, "cooperative") == ("cooperative", "asked for; there is one core")
    assert "cooperative: there is one core" in choose(facts, "auto")[1]


@pytest.mark.parametrize(
    ("facts", "form", "message"),
    [
        (_facts(), "unrolled", r"the number of steps is dynamic; fix it with time=; possible here: auto, loop$"),
        (_facts(10), "persistent", rf"{NO_KERNELS}; possible here: auto, unrolled, loop$"),
        (_facts(10), "cooperative", rf"{NO_KERNELS}; possible here: auto, unrolled, loop$"),
        (_kernel_facts(10, no_kernel="it is odd"), "persistent", r"it is odd; possible here: auto, unrolled, loop$"),
        # Why the scan has none comes before why the target has none.
        (_facts(10, no_kernel="it is odd"), "cooperative", r"it is odd; possible here: auto, unrolled, loop$"),
        (_facts(10), "fast", r"not a form \(.*loop.*\); possible here: auto, unrolled, loop$"),
        (_kernel_facts(), "fast", r"not a form \(.*\); possible here: auto, persistent, loop, cooperative$"),
    ],
)
def test_what_cannot_be_had(facts, form, message):
    with pytest.raises(ValueError, match=f"^form '{form}': {message}"):
        choose(facts, form)


@pytest.mark.parametrize("facts", [_facts(10), _kernel_facts(10), _kernel_facts(), _kernel_facts(workers=1)])
def test_estimates_are_sorted_and_say_why_a_form_is_missing(facts):
    table = estimates(facts)
    possible = [estimate.step_us for estimate in table if estimate.is_possible]
    assert possible == sorted(possible)
    assert [estimate.is_possible for estimate in table] == sorted((e.is_possible for e in table), reverse=True)
    assert all(estimate.note for estimate in table)
    assert sorted(estimate.form for estimate in table) == ["cooperative", "loop", "persistent", "unrolled"]


def test_work_of_a_step():
    facts = _facts(1, batch=8, units=16, features=3)
    # Products of one row, with the input and with h, and the weights of the latter.
    assert facts.step_flop == 2 * (16 + 3) * 64
    assert facts.recurrent_bytes == 4 * 16 * 64
    assert facts.rows == 8
    assert _facts().rows == 1


@pytest.mark.parametrize("form", ["loop", "persistent", "cooperative"])
def test_larger_steps_cost_more(form):
    assert _step(_kernel_facts(units=16), form) < _step(_kernel_facts(units=512), form)
    assert _step(_kernel_facts(batch=16), form) < _step(_kernel_facts(batch=256), form)
    # Sums, not weights, are what the work is for many rows: a wide input counts.
    assert _step(_kernel_facts(batch=256, features=1), form) < _step(_kernel_facts(batch=256, features=512), form)


@pytest.mark.parametrize("form", ["loop", "unrolled"])
def test_a_kernel_is_quicker_than_generated_code(form):
    facts = {"batch": 1, "units": 256, "time": 10}
    assert _step(_kernel_facts(**facts), form) < _step(_facts(**facts), form)
    note = next(e.note for e in estimates(_facts(10)) if e.form == form)
    assert note.endswith(f"as code that IREE generates: {NO_KERNELS}")


def test_cores_help_the_form_that_can_use_them():
    one, two = (_kernel_facts(units=512, batch=1, workers=workers) for workers in (2, 4))
    assert _step(one, "cooperative") > _step(two, "cooperative")
    assert _step(one, "persistent") == _step(two, "persistent")
    one, two = (_kernel_facts(batch=64, workers=workers) for workers in (1, 2))
    assert _step(one, "persistent") > _step(two, "persistent")


def test_every_vector_unit_has_an_estimate():
    """In the order of what they can do: the widest costs least."""
    costs = {name: _step(_kernel_facts(vector=name, batch=256), "persistent") for name in VECTOR_TARGETS}
    assert costs["avx512"] < costs["avx2"] < costs["sse"]
    assert costs["avx512"] < costs["neon"] < costs["sse"]


def test_driver_follows_the_work_of_a_step():
    assert advised_driver([("loop", 8)]) == "local-sync"
    assert advised_driver([("loop", 1024)]) == "local-task"
    assert advised_driver([("persistent", 8), ("loop", 8)]) == "local-sync"
    assert advised_driver([]) == "local-sync"


def test_workgroups_that_meet_need_workers():
    assert advised_driver([("cooperative", 8)]) == "local-task"
    assert advised_driver([("persistent", 8), ("cooperative", 8)]) == "local-task"
