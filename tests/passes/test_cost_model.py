"""Which form is chosen from which facts, and what is said about it."""

import pytest

from lstm_ir.passes.cost_model import UNROLLED_MAX_STEPS, ScanFacts, advised_driver, choose, estimates


def _facts(time=None, *, batch=None, units=64, unroll=False):
    return ScanFacts(batch=batch, time=time, units=units, gates=4, unroll=unroll)


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
    ],
)
def test_automatic_choice(facts, form):
    chosen, reason = choose(facts, "auto")
    assert chosen == form
    assert reason


def test_reason_speaks_of_every_form():
    _, reason = choose(_facts(10), "auto")
    for form in ("loop", "persistent", "cooperative"):
        assert f"{form}" in reason
    assert "us/step" in reason


@pytest.mark.parametrize("form", ["loop", "unrolled"])
def test_what_is_asked_for(form):
    assert choose(_facts(10), form)[0] == form
    assert choose(_facts(10), form)[1].startswith("asked for; ")


def test_unrolled_may_be_asked_for_at_any_static_length():
    assert choose(_facts(1000), "unrolled")[0] == "unrolled"


@pytest.mark.parametrize(
    ("facts", "form", "message"),
    [
        (_facts(), "unrolled", r"the number of steps is dynamic; fix it with time=; possible here: auto, loop$"),
        (_facts(10), "persistent", r"this version has no kernel .*; possible here: auto, unrolled, loop$"),
        (_facts(10), "cooperative", r"this version has no kernel .*; possible here: auto, unrolled, loop$"),
        (_facts(10), "fast", r"not a form \(.*loop.*\); possible here: auto, unrolled, loop$"),
    ],
)
def test_what_cannot_be_had(facts, form, message):
    with pytest.raises(ValueError, match=f"^form '{form}': {message}"):
        choose(facts, form)


def test_estimates_are_sorted_and_say_why_a_form_is_missing():
    table = estimates(_facts(10))
    possible = [estimate.step_us for estimate in table if estimate.is_possible]
    assert possible == sorted(possible)
    assert [estimate.is_possible for estimate in table] == sorted((e.is_possible for e in table), reverse=True)
    assert all(estimate.note for estimate in table)


def test_larger_steps_cost_more():
    small, large = (next(e for e in estimates(_facts(10, units=units)) if e.form == "loop") for units in (16, 512))
    assert small.step_us < large.step_us
    assert _facts(1, batch=8, units=16).step_flop == 2 * 8 * 16 * 64


def test_driver_follows_the_work_of_a_step():
    assert advised_driver([8]) == "local-sync"
    assert advised_driver([1024]) == "local-task"
    assert advised_driver([]) == "local-sync"
