"""Artifacts with dropout active: compile --training, and what the other commands do with them."""

import numpy as np
import pytest

import lstm_ir


@pytest.fixture
def x(inputs):
    return inputs(np.random.default_rng(0).standard_normal((2, 5, 12)).astype("f4"))


def test_compile_says_so(command, classifier, classifier_artifact, training_artifact, tmp_path):
    assert lstm_ir.load(training_artifact).takes_seed
    assert not lstm_ir.load(classifier_artifact).takes_seed
    outcome = command("compile", classifier, "-o", tmp_path / "m.vmfb", "--training")
    assert outcome.code == 0
    assert "training  dropout is active" in outcome.out


def test_run_with_a_seed(command, training_artifact, x, tmp_path):
    target = tmp_path / "y.npy"
    outcome = command("run", training_artifact, "-i", x, "-o", target, "--seed", 2**64 - 1)
    assert (outcome.code, outcome.err) == (0, "")
    assert f"seed     {2**64 - 1}\n" in outcome.out
    module = lstm_ir.load(training_artifact)
    np.testing.assert_array_equal(np.load(target), module(np.load(x), seed=2**64 - 1))
    assert not np.array_equal(np.load(target), module(np.load(x), seed=1))


def test_run_draws_a_seed_and_shows_it(command, training_artifact, x, tmp_path):
    target = tmp_path / "y.npy"
    first, second = (command("run", training_artifact, "-i", x, "-o", target, "--json").json for _ in range(2))
    assert first["seed"] != second["seed"]
    module = lstm_ir.load(training_artifact)
    np.testing.assert_array_equal(np.load(target), module(np.load(x), seed=second["seed"]))


def test_run_refuses_seeds(command, classifier_artifact, training_artifact, x):
    outcome = command("run", classifier_artifact, "-i", x, "--seed", "1")
    assert outcome.code == 1
    assert outcome.error == "--seed: the artifact draws nothing; one compiled with --training takes a seed"
    for seed in (-1, 2**64):
        assert command("run", training_artifact, "-i", x, "--seed", seed).code == 2
    assert command("run", classifier_artifact, "-i", x, "--json").json["seed"] is None


def test_inspect(command, classifier_artifact, training_artifact):
    assert "dropout is active" in command("inspect", training_artifact).out
    assert "dropout is active" not in command("inspect", classifier_artifact).out
    assert command("inspect", training_artifact, "--json").json["seed"]["name"] == "seed"
    assert command("inspect", classifier_artifact, "--json").json["seed"] is None


def test_verify_refuses(command, classifier, training_artifact):
    outcome = command("verify", classifier, training_artifact)
    assert outcome.code == 3
    assert outcome.error.startswith("artifact: compiled with --training; its dropout masks are random")
