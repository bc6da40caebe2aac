"""lstm-ir verify."""

import numpy as np
import pytest

import lstm_ir
from lstm_ir.reference import run_model
from lstm_ir.tools.frameworks import choice
from lstm_ir.tools.frameworks.exchange import Answer, Response
from lstm_ir.tools.verification import Tolerance, difference, first_config_difference


@pytest.fixture
def verify(command):
    """Compare with the reference; frameworks take seconds to load, and have tests of their own."""
    return lambda *arguments: command("verify", *arguments, "--against", "reference")


def test_agreement(verify, classifier, classifier_artifact):
    outcome = verify(classifier, classifier_artifact, "--seed", "7")
    assert (outcome.code, outcome.err) == (0, "")
    assert "all 5 tensors agree" in outcome.out
    assert "float64" in outcome.out
    assert "seed 7" in outcome.out


def test_cases_of_a_model_with_masks(verify, masked_model, masked_artifact):
    outcome = verify(masked_model, masked_artifact, "--json", "--batch", "4", "--time", "6")
    result = outcome.json
    assert outcome.code == 0
    assert result["within_tolerance"] is True
    assert result["input_shape"] == [4, 6, 3]
    assert {case["case"] for case in result["cases"]} == {
        "random input",
        "random input, states",
        "random input, random mask, states",
    }
    module = lstm_ir.load(masked_artifact)
    named = [entry["name"] for entry in result["worst"]]
    assert named == [spec.name for spec in (*module.outputs, *module.states)]
    assert 0 < max(entry["largest_difference"] for entry in result["worst"]) < 1e-5


def test_bf16_weights_are_compared_with_those_of_the_model(command, verify, masked_model, tmp_path):
    """They are so in a file of their own, too."""
    target = tmp_path / "m.vmfb"
    options = ("--weights", "bf16", "--weights", "separate", "--json")
    compiled = command("compile", masked_model, "-o", target, *options).json
    assert compiled["weights_file"] == str(tmp_path / "m.irpa")
    assert compiled["bytes"] == compiled["bytes_beyond_weights"] == target.stat().st_size
    assert [scan["weights"] for scan in compiled["scans"]] == ["bf16"] * len(compiled["scans"])
    inspected = command("inspect", target).out
    assert "with bf16 weights" in inspected
    assert "bytes in m.irpa" in inspected
    moved = tmp_path / "moved.irpa"
    (tmp_path / "m.irpa").rename(moved)
    assert "m.irpa': cannot be read" in verify(masked_model, target).error
    arguments = (masked_model, target, "--weights-file", moved)
    outcome = verify(*arguments, "--json")
    assert outcome.code == 0
    assert outcome.json["tolerance"] == {"absolute": 2e-2, "relative": 2e-2}
    assert set(outcome.json["weights"].values()) == {"bf16"}
    # More than float32's rounding, which is what they would be wrong by if the reference were rounded too.
    assert 1e-5 < max(entry["largest_difference"] for entry in outcome.json["worst"]) < 2e-2
    assert "those of the reference are not rounded" in verify(*arguments).out


def test_the_frameworks_themselves(command, masked_model, masked_artifact, samples, tmp_path):
    """One of each kind; what workers ask is tested with them."""
    models = [(masked_model, masked_artifact, "keras", "Keras 3.")]
    for name, framework, text in (
        ("onnx_torch_tagger.onnx", "onnxruntime", "ONNX Runtime 1."),
        ("torch_stack.pt", "torch", "PyTorch 2."),
    ):
        models.append((samples / name, tmp_path / f"{name}.vmfb", framework, text))
    asked = 0
    for model, artifact, framework, text in models:
        if choice.choose(lstm_ir.read_model(model), model, "auto", None, False).framework is None:
            continue
        asked += 1
        if not artifact.exists():
            lstm_ir.compile(model, output=artifact)
        outcome = command("verify", model, artifact, "--json")
        assert (outcome.code, outcome.err) == (0, "")
        result = outcome.json
        assert result["against"] == framework
        assert result["reference"].startswith(text)
        assert result["tolerance"] == {"absolute": 3e-5, "relative": 3e-5}
        assert {row["against"] for row in result["worst"]} == {framework}
        left = [(row["case"], row["what"]) for row in result["left_to_reference"]]
        assert left == ([("random input, random mask, states", "all")] if framework == "torch" else [])
        assert 0 < max(row["largest_difference"] for row in result["worst"]) < 3e-5
    if not asked:
        pytest.skip("no framework is installed")


def test_a_framework_that_is_not_there(command, monkeypatch, masked_model, masked_artifact):
    monkeypatch.setattr(choice, "_missing", lambda _: "it is elsewhere")
    outcome = command("verify", masked_model, masked_artifact, "--json")
    assert outcome.code == 0
    assert outcome.json["against"] == "reference"
    assert outcome.json["not_asked_because"] == "keras was not asked: it is elsewhere"
    assert "keras was not asked: it is elsewhere" in command("verify", masked_model, masked_artifact).out
    asked = command("verify", masked_model, masked_artifact, "--against", "keras")
    assert asked.code == 1
    assert "--against keras: it is elsewhere" in asked.error


def test_what_a_framework_gives_is_what_counts(command, monkeypatch, masked_model, masked_artifact):
    """Answers that are wrong in one tensor, and that lack states, are found out and made up for."""
    module = lstm_ir.load(masked_artifact)

    def put(_, __, questions):
        answers = []
        for question in questions:
            mask = next(iter(question.masks.values()), None)
            right = run_model(lstm_ir.read_model(masked_model), question.inputs, mask, question.states)
            outputs = [right.outputs[0] + 1, *right.outputs[1:]]
            answers.append(Answer(outputs, {}, "it tells no states"))
        answers[0] = Answer(None, reason="not that one")
        return Response("Keras 0", answers)

    monkeypatch.setattr(choice, "_missing", lambda _: None)
    monkeypatch.setattr("lstm_ir.tools.expectations.put", put)
    result = command("verify", masked_model, masked_artifact, "--json").json
    assert result["within_tolerance"] is False
    wrong = [row for row in result["cases"] if not row["within_tolerance"]]
    assert {(row["name"], row["against"]) for row in wrong} == {(module.outputs[0].name, "keras")}
    assert {row["case"] for row in wrong} == {"random input, states", "random input, random mask, states"}
    assert result["left_to_reference"][0] == {"case": "random input", "what": "all", "reason": "not that one"}
    assert result["left_to_reference"][1]["what"] == ", ".join(spec.name for spec in module.states)
    monkeypatch.setattr("lstm_ir.tools.expectations.put", lambda *_: Response("", reason="it is broken"))
    assert "keras was not asked: it is broken" in command("verify", masked_model, masked_artifact).out


def test_a_given_input_and_mask(verify, masked_model, masked_artifact, inputs):
    x = inputs(np.random.default_rng(0).standard_normal((2, 4, 3)).astype("f4"))
    mask = inputs(np.array([[1, 0, 1, 1], [0, 0, 0, 0]]), "m.npy")
    outcome = verify(masked_model, masked_artifact, "--input", x, "--mask", mask, "--json")
    assert outcome.code == 0
    assert {case["case"] for case in outcome.json["cases"]} == {
        "given input",
        "given input, states",
        "given input, mask, states",
    }


def test_a_tolerance_that_is_too_tight(verify, masked_model, masked_artifact):
    outcome = verify(masked_model, masked_artifact, "--atol", "1e-30", "--rtol", "0")
    assert outcome.code == 1
    assert "MISMATCH" in outcome.out
    assert outcome.err == ""


def test_other_weights_are_a_mismatch_that_names_the_config(verify, classifier, tmp_path):
    model = lstm_ir.read_model(classifier)
    model.layers[-1].set_weights([weight + 1 for weight in model.layers[-1].get_weights()])
    model.layers[0].mask_value = 5.0
    target = tmp_path / "m.vmfb"
    lstm_ir.compile(model, output=target)
    outcome = verify(classifier, target, "--json")
    assert outcome.code == 1
    result = outcome.json
    assert result["within_tolerance"] is False
    assert "mask_value: -100.0 in the model, 5.0 in the artifact" in result["config_difference"]
    assert any(not entry["within_tolerance"] for entry in result["worst"])


def test_another_model(verify, classifier, masked_artifact):
    outcome = verify(classifier, masked_artifact)
    assert outcome.code == 1
    assert "made from another model: its inputs are" in outcome.error


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--mask", "m.npy"], 2, "--mask: only together with --input"),
        (["--input", "{x}", "--batch", "3"], 2, "only without --input"),
        (["--input", "{x}"], 1, "must have 3 axes"),
    ],
)
def test_refusals(verify, classifier, classifier_artifact, inputs, arguments, code, message):
    x = inputs(np.zeros((2, 12), "f4"))
    outcome = verify(classifier, classifier_artifact, *(argument.format(x=x) for argument in arguments))
    assert outcome.code == code
    assert message in outcome.error


def test_sizes_that_the_model_fixes(verify, samples, tmp_path):
    model, target = samples / "k3_stateful.keras", tmp_path / "m.vmfb"
    lstm_ir.compile(model, output=target, time=5)
    result = verify(model, target, "--json").json
    assert result["input_shape"][:2] == [lstm_ir.read_model(model).input_shape[0], 5]
    outcome = verify(model, target, "--time", "6")
    assert outcome.code == 1
    assert "time: got 6, the artifact fixes it to 5" in outcome.error


@pytest.mark.parametrize(
    ("mine", "right", "largest", "is_within"),
    [
        ([1.0, 2.0], [1.0, 2.05], 0.05, True),
        ([1.0, 2.0], [1.0, 2.5], 0.5, False),
        ([np.nan, np.inf], [np.nan, np.inf], 0.0, True),
        ([np.nan], [1.0], np.inf, False),
        ([1.0], [np.inf], np.inf, False),
        ([np.inf], [-np.inf], np.inf, False),
        ([1.0], [1.0, 1.0], np.inf, False),
        ([], [], 0.0, True),
    ],
)
def test_difference(mine, right, largest, is_within):
    found = difference(np.array(mine), np.array(right), Tolerance(0.1, 0.0))
    assert found == (pytest.approx(largest), is_within)


def test_relative_tolerance():
    assert difference(np.array([101.0]), np.array([100.0]), Tolerance(0.0, 0.02)) == (1.0, True)


def test_first_config_difference():
    own = {"layers": [{"config": {"units": 4, "name": "a"}}]}
    assert first_config_difference(own, {"layers": [{"config": {"units": 4, "name": "a"}}]}) is None
    given = {"layers": [{"config": {"units": 5, "name": "b"}}]}
    assert first_config_difference(own, given) == "layers[0].config.units: 4 in the model, 5 in the artifact"
    assert first_config_difference(own, {}) == "layers: only in the model"
