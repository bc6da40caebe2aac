"""The commands on weights of PyTorch."""

from pathlib import Path

import pytest

import lstm_ir

DATA = Path(__file__).parents[1] / "importers" / "data"
STACK, TAGGER = DATA / "torch_stack.pt", DATA / "torch_tagger.safetensors"
KERAS = DATA / "k2_v1_classifier.keras"


@pytest.fixture(scope="module")
def artifact(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("torch") / "tagger.vmfb"
    lstm_ir.compile(lstm_ir.from_torch(TAGGER, "rnn", batch_first=True), output=path)
    return path


def test_compile(command, tmp_path):
    target = tmp_path / "out.vmfb"
    outcome = command("compile", TAGGER, "-o", target, "--batch-first", "--prefix", "rnn", "--form", "loop", "--json")
    assert outcome.err == ""
    assert outcome.json["seconds"]["import"] > 0
    module = lstm_ir.load(target)
    assert module.inputs[0].time_axis == 1
    assert [(spec.name, spec.shape, spec.batch_axis) for spec in module.outputs] == [
        ("output", (None, None, 2), 0),
        ("h_n", (2, None, 2), 1),
        ("c_n", (2, None, 5), 1),
    ]


def test_verify_says_what_it_compares_with(command, artifact):
    options = ("--batch-first", "--prefix", "rnn", "--against", "reference", "--json")
    outcome = command("verify", TAGGER, artifact, *options)
    assert outcome.code == 0, outcome.err
    assert outcome.json["reference"] == "lstm_ir.reference, step by step in float64"
    assert outcome.json["against"] == "reference"
    assert {row["name"] for row in outcome.json["worst"]} >= {"output", "h_n", "c_n", "lstm_l0/h", "lstm_l1/c"}


def test_verify_in_the_other_layout_names_it(command, artifact):
    outcome = command("verify", TAGGER, artifact, "--prefix", "rnn")
    assert outcome.code == 1
    assert "input: float32(batch, time, 3); those of MODEL are input: float32(time, batch, 3)" in outcome.error


def test_inspect_of_both(command, artifact):
    for outcome in (command("inspect", artifact), command("inspect", TAGGER, "--prefix", "rnn", "--batch-first")):
        assert outcome.code == 0, outcome.err
        assert "PyTorch" in outcome.out
        assert "Keras" not in outcome.out
        assert "h_n: float32 (2, batch, 2)" in outcome.out
    found = command("inspect", artifact, "--json").json
    assert (found["source"], found["keras"]) == ("pytorch", None)
    outcome = command("inspect", artifact, "--prefix", "rnn")
    assert outcome.code == 2
    assert "--prefix" in outcome.error


def test_what_is_left_out_is_one_line(command):
    outcome = command("inspect", TAGGER)
    assert outcome.code == 0
    assert outcome.err.startswith("lstm-ir: warning: ")
    assert outcome.err.count("\n") == 1
    assert "words.weight" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((TAGGER, "--prefix", "words"), 2, "--prefix: got 'words'"),
        ((KERAS, "--batch-first"), 2, "only for weights of PyTorch"),
        ((DATA / "torch_module.pt",), 1, "'torch.nn.modules.rnn.LSTM'"),
        ((DATA / "none.pt", "--batch-first"), 1, "No such file"),
    ],
)
def test_refusals(command, tmp_path, arguments, code, message):
    outcome = command("compile", *arguments, "-o", tmp_path / "out.vmfb")
    assert outcome.code == code
    assert message in outcome.error
    assert not (tmp_path / "out.vmfb").exists()
