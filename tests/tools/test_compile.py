"""lstm-ir compile."""

import shutil

import numpy as np
import pytest

import lstm_ir


def test_table(command, masked_model, tmp_path):
    target = tmp_path / "[bold]m.vmfb"
    outcome = command("compile", masked_model, "-o", target, "--time", "4", "--form", "unrolled")
    assert (outcome.code, outcome.err) == (0, "")
    assert str(target) in outcome.out
    assert "beyond the weights" in outcome.out
    assert "unrolled, asked for" in outcome.out
    assert "iree" in outcome.out
    assert not any(line != line.rstrip() for line in outcome.out.splitlines())
    module = lstm_ir.load(target)
    assert set(module.forms.values()) == {"unrolled"}
    assert module.inputs[0].shape == (None, 4, 3)


def test_json_and_the_default_name(command, masked_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = command("compile", masked_model, "--json", "--print-ir-after-all")
    result = outcome.json
    path = tmp_path / "k3_built_by_call.vmfb"
    assert result["artifact"] == path.name
    assert result["bytes"] == path.stat().st_size == result["weights_bytes"] + result["bytes_beyond_weights"]
    assert set(result["seconds"]) == {"import", "passes", "emission", "iree"}
    assert {scan["form"] for scan in result["scans"]} == {"persistent"}
    headings = [line for line in outcome.err.splitlines() if line.startswith("// IR after ")]
    assert headings[0] == "// IR after lstm-normalize"
    assert headings[-1].startswith("// IR after lstm-check-stage{stage=")
    assert lstm_ir.load(path)(np.zeros((2, 5, 3), np.float32)) is not None


def test_files_that_are_no_models(command, bad_models, tmp_path):
    for message, path in bad_models.items():
        before = sorted(tmp_path.iterdir())
        outcome = command("compile", path, "-o", tmp_path / "out.vmfb")
        assert outcome.code == 1
        assert message in outcome.error
        assert sorted(tmp_path.iterdir()) == before


def test_failure_as_json(command, tmp_path):
    outcome = command("compile", tmp_path / "no.keras", "--json")
    assert outcome.code == 1
    failure = outcome.json["error"]
    assert failure["type"] == "ModelFileError"
    assert failure["exit_code"] == 1
    assert failure["message"] == outcome.error


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("k3_built_by_call.h5", ["--target", "tpu"], "target: got 'tpu'"),
        ("k3_built_by_call.h5", ["--form", "unrolled"], "the number of steps is dynamic"),
    ],
)
def test_unsupported_arguments(command, samples, tmp_path, model, arguments, message):
    outcome = command("compile", samples / model, "-o", tmp_path / "m.vmfb", *arguments)
    assert outcome.code == 3
    assert message in outcome.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "blamed"), [("k3_lambda.h5", "'twice' (Lambda)"), ("k3_custom_activation.keras", "activation 'wobble'")]
)
def test_unsupported_layers(command, samples, tmp_path, name, blamed):
    outcome = command("compile", samples / "refused" / name, "-o", tmp_path / "m.vmfb")
    assert outcome.code == 3
    assert blamed in outcome.error


def test_unknown_cpu(command, masked_model, tmp_path):
    outcome = command("compile", masked_model, "-o", tmp_path / "m.vmfb", "--target-cpu", "abacus")
    assert outcome.code == 2
    assert outcome.error.startswith("--target-cpu: got 'abacus', expected one of host, generic")


def test_outputs_that_cannot_be_written(command, masked_model, tmp_path, monkeypatch):
    def compile_anyway(*_, **__):
        raise AssertionError("compiled before the output was checked")

    monkeypatch.setattr("lstm_ir.compiler.compile_artifact", compile_anyway)
    copy = tmp_path / "model.h5"
    shutil.copy(masked_model, copy)
    for target, code, message in (
        (tmp_path, 1, "is a folder"),
        (tmp_path / "no" / "m.vmfb", 1, "does not exist"),
        ("/proc/m.vmfb", 1, "cannot"),
        (copy, 2, "is the model itself"),
    ):
        outcome = command("compile", copy, "-o", target)
        assert outcome.code == code
        assert message in outcome.error
    assert copy.read_bytes() == masked_model.read_bytes()


def test_a_file_of_weights_goes_with_separate_weights_beside_the_artifact(command, masked_model, tmp_path):
    """Said before anything is compiled."""
    (tmp_path / "other").mkdir()
    for options, said in {
        ("--weights-file", tmp_path / "w.irpa"): "--weights-file: only with --weights separate",
        ("--weights", "separate", "--weights-file", tmp_path / "w.bin"): "expected a name that ends in .irpa",
        ("--weights", "separate", "--weights-file", tmp_path / "other" / "w.irpa"): "does not lie beside",
    }.items():
        outcome = command("compile", masked_model, "-o", tmp_path / "m.vmfb", *options)
        assert outcome.code == 2
        assert said in outcome.error
