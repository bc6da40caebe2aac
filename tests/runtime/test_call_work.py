"""The estimate that decides whether a call is worth spreading over the cores."""

import pytest

from lstm_ir.runtime.call_work import CallWork


def _work(*scans):
    entries = [{"name": name, "form": form, "units": units, "features": units} for name, form, units in scans]
    work = CallWork.of({"scans": entries})
    assert work is not None
    return work


@pytest.mark.parametrize(
    ("form", "units", "batch", "time", "workers", "pays"),
    [
        ("persistent", 64, 1, 1, 2, False),
        ("persistent", 64, 64, 100, 2, True),
        ("persistent", 64, 1, 100_000, 8, False),  # a row's steps stay on one core
        ("persistent", 512, 1, 1000, 8, False),
        ("persistent", 512, 2, 5, 8, True),  # two rows of 300 us each
        ("persistent", 512, 2, 4, 8, False),
        ("persistent", 64, 540, 1, 2, True),
        ("persistent", 64, 530, 1, 2, False),  # the border with 2 workers: 500 us on a core
        ("persistent", 64, 310, 1, 8, True),  # 8 workers save more of it
        ("cooperative", 1024, 1, 3, 2, True),
        ("cooperative", 512, 1, 8, 2, False),
        ("cooperative", 512, 1, 10, 2, True),
        ("cooperative", 64, 1, 1000, 8, False),  # its workgroups would do little but meet
        ("loop", 128, 1, 1000, 2, False),  # a step's work does not pay for handing it over
        ("loop", 256, 1, 1000, 2, True),
        ("loop", 128, 64, 1000, 2, True),
        ("loop", 256, 1, 1, 2, False),
        ("unrolled", 512, 1, 20, 2, True),
    ],
)
def test_one_scan(form, units, batch, time, workers, pays):
    assert _work(("lstm", form, units)).pays(batch, time, workers) is pays


def test_the_directions_of_a_layer_run_at_once():
    both = _work(("bi/forward", "persistent", 256), ("bi/backward", "persistent", 256))
    stacked = _work(("lstm/a", "persistent", 256), ("lstm/b", "persistent", 256))
    assert both.pays(1, 100, 2)
    assert not both.pays(1, 1, 2)
    assert not stacked.pays(1, 100, 2)
    assert stacked.pays(2, 100, 2)


def test_work_adds_up():
    one, three = (_work(*(("lstm", "persistent", 64),) * layers) for layers in (1, 3))
    assert not one.pays(200, 1, 2)
    assert three.pays(200, 1, 2)


def test_features_count_and_default_to_the_units():
    def work(**rest):
        return CallWork.of({"scans": [{"name": "lstm", "form": "persistent", "units": 64, **rest}]})

    assert work() == work(features=64)
    assert not work().pays(300, 1, 2)
    assert work(features=256).pays(300, 1, 2)


@pytest.mark.parametrize(
    "scans",
    [None, [], {}, [{"name": "lstm", "form": "loop"}], [{"units": "64"}], [{"units": True}], [{"units": 0}], [7]],
)
def test_a_description_that_does_not_say_gives_none(scans):
    assert CallWork.of({"scans": scans}) is None
    assert CallWork.of({}) is None


def test_nothing_pays_for_no_work():
    assert not _work(("lstm", "persistent", 64)).pays(0, 10, 4)


@pytest.mark.parametrize(
    ("units", "batch", "time", "workers", "rows"),
    [
        (64, 8, 60, 2, 4),
        (64, 8, 25, 2, None),  # 190 us on a core: half of it is not worth waking another one
        (64, 4, 1000, 2, None),  # one tile of rows is not split
        (64, 5, 1000, 2, 4),
        (64, 12, 60, 2, 8),  # who begins first has more
        (64, 12, 60, 3, 4),
        (64, 12, 60, 16, None),  # 12 workers with a row each save more
        (64, 40, 60, 4, 12),
        (256, 8, 100, 16, None),
        (64, 8, 60, 1, None),
    ],
)
def test_the_callers_rows_of_a_call_that_it_shares(units, batch, time, workers, rows):
    assert _work(("lstm", "persistent", units)).own_rows(batch, time, workers, 4) == rows
