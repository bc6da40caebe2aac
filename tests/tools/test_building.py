"""``lstm-ir bench --build``: what comes before a first call."""

import pytest

from lstm_ir.tools.bench import building


@pytest.fixture
def small(monkeypatch):
    """One build, twice, of a small layer."""
    monkeypatch.setattr(building, "TURNS", 2)
    monkeypatch.setattr(building, "LENGTHS", (3,))
    monkeypatch.setattr(building, "SIZES", ((2, 3),))


def test_figures_as_json(command, small):
    outcome = command("bench", "--build", "--json")
    assert outcome.code == 0
    (build,) = outcome.json["builds"]
    assert (build["features"], build["units"], build["steps"]) == (2, 3, 3)
    assert build["form"] == "persistent"
    assert 0 < build["iree_seconds"] < build["compile_seconds"]
    assert 0 < build["extra_bytes"] < 64 * 1024
    assert build["first_result_ms"] > 0
    assert outcome.json["first_compile_seconds"] > 0


def test_it_stands_alone(command):
    outcome = command("bench", "model.keras", "--build")
    assert outcome.code == 2
    assert "--build: goes with no model, artifact or --suite" in outcome.error
