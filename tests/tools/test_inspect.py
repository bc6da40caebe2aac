"""lstm-ir inspect."""

import lstm_ir
from lstm_ir.tools.description_text import form_lines


def test_model(command, classifier):
    outcome = command("inspect", classifier)
    assert (outcome.code, outcome.err) == (0, "")
    for text in (
        "masking",
        "mask_value=-100",
        "Bidirectional",
        "merge_mode=concat",
        "recurrent_activation=hard_sigmoid",
        "direction=backward",
        "coefficients: float32 (batch, time, 12)",
        "none: layer 'masking' computes the mask from the input itself",
        "both/forward, both/backward: persistent, about",
        "instead of unrolled: the number of steps is dynamic; fix it with time=\n",
    ):
        assert text in outcome.out


def test_cells_of_every_kind_show_their_settings(command, samples):
    found = command("inspect", samples / "whole" / "k2_listener.keras", "--json").json
    assert found["source"] == found["keras"] == "keras2"
    settings = {(row["name"], row["class"]): row["settings"] for row in found["layers"]}
    assert settings["forward", "GRU"]["recurrent_activation"] == "sigmoid"
    assert settings["backward", "RNN"]["cells"] == "GRU(3) LSTM(2)"
    assert settings["simple_rnn", "SimpleRNN"]["direction"] == "backward"


def test_model_with_fixed_sizes(command, classifier):
    result = command("inspect", classifier, "--time", "8", "--batch", "2", "--json").json
    assert result["inputs"][0]["shape"] == [2, 8, 12]
    # The forms are weighed for these sizes: a known number of steps can be unrolled.
    assert {(scan["form"], scan["batch"], scan["time"]) for scan in result["scans"]} == {("persistent", 2, 8)}
    assert all("unrolled about" in scan["reason"] for scan in result["scans"])
    assert result["kind"] == "model"


def test_artifact(command, masked_artifact):
    outcome = command("inspect", masked_artifact)
    assert outcome.code == 0
    for text in ("optional, (batch, time)", "call, call_masked", "features in all", "iree 3.13", "local-sync"):
        assert text in outcome.out


def test_artifact_and_model_say_the_same(command, classifier, classifier_artifact):
    model, artifact = (command("inspect", file, "--json").json for file in (classifier, classifier_artifact))
    for key in ("layers", "inputs", "outputs", "states", "mask", "scans", "name", "source", "keras", "weights_bytes"):
        assert model[key] == artifact[key]
    assert artifact["bytes"] == classifier_artifact.stat().st_size
    parameters = sum(row["parameters"] for row in model["layers"] if row["parameters"] is not None)
    assert parameters == lstm_ir.read_model(classifier).count_params()
    assert [row["name"] for row in model["layers"] if row["part"]] == ["forward", "backward"]


def test_an_artifact_of_another_machine(command, redescribed):
    outcome = command("inspect", redescribed(arch="riscv64", cpu="sifive-x280", features=["v"]))
    assert outcome.code == 0
    assert "riscv64 sifive-x280" in outcome.out


def test_an_artifact_by_any_name(command, classifier_artifact, tmp_path):
    path = tmp_path / "module.bin"
    path.write_bytes(classifier_artifact.read_bytes())
    assert command("inspect", path, "--json").json["kind"] == "artifact"
    path.write_bytes(classifier_artifact.read_bytes()[:-100])
    outcome = command("inspect", path)
    assert outcome.code == 1
    assert outcome.error.startswith("artifact: ")


def test_refusals(command, bad_models, samples, classifier_artifact, tmp_path):
    for message, path in bad_models.items():
        outcome = command("inspect", path)
        assert outcome.code == 1
        assert message in outcome.error
    assert command("inspect", samples / "refused" / "k3_lambda.h5").code == 3
    assert command("inspect", classifier_artifact, "--time", "3").code == 2
    assert "cannot be read" in command("inspect", tmp_path / "no.vmfb").error


def test_code_that_iree_generates_is_named():
    scan = {"name": "a", "form": "loop", "reason": "asked for; one at a time"}
    assert form_lines([{**scan, "code": "tensor"}]) == ["a: loop of tensor code, asked for; one at a time"]
    assert form_lines([{**scan, "code": "kernel"}]) == ["a: loop, asked for; one at a time"]
