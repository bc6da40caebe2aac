"""lstm-ir opt."""

import subprocess

import pytest

from lstm_ir.passes.pipelines import PIPELINES
from lstm_ir.passes.universe import LSTM_UNIVERSE
from lstm_ir.tools.opt_driver import expand_pipelines

GOOD = "func.func @good() {\n  func.return\n}\n"
UNVERIFIED = "func.func @bad() -> i32 {\n  func.return\n}\n"


@pytest.fixture
def source(tmp_path):
    def write(text):
        path = tmp_path / "f.mlir"
        path.write_text(text)
        return path

    return write


def test_a_model_is_layer_level(command, masked_model):
    outcome = command("opt", masked_model)
    assert (outcome.code, outcome.err) == (0, "")
    assert "lstm.layer" in outcome.out
    assert "@call_masked" in outcome.out


def test_what_it_prints_it_reads(command, masked_model, source):
    level = command("opt", masked_model).out
    ours = command("opt", masked_model, "-p", "recurrence").out
    assert "lstm.scan" in ours
    assert command("opt", source(level), "-p", "recurrence").out == ours
    assert command("opt", source(ours)).out == ours


def test_pipelines_and_passes_in_one_list(command, masked_model):
    outcome = command("opt", masked_model, "-p", "recurrence,canonicalize", "--print-ir-after-all", "-o", "/dev/null/x")
    assert outcome.code == 1
    outcome = command("opt", masked_model, "-p", "recurrence,canonicalize", "--print-ir-after-all")
    headings = [line for line in outcome.err.splitlines() if line.startswith("// IR after ")]
    assert headings[0] == "// IR after lstm-normalize"
    assert headings[-1] == "// IR after canonicalize"
    assert "// IR after" not in outcome.out


def test_expand_pipelines():
    assert expand_pipelines("") == ""
    assert expand_pipelines("recurrence") == PIPELINES["recurrence"]
    assert expand_pipelines("lstm-choose-form{form=loop}, cse") == "lstm-choose-form{form=loop},cse"
    assert expand_pipelines("canonicalize,cpu") == f"canonicalize,{PIPELINES['cpu']}"


def test_output_file(command, source, tmp_path):
    target = tmp_path / "out.mlir"
    outcome = command("opt", source(GOOD), "-o", target)
    assert (outcome.code, outcome.out) == (0, "")
    assert "@good" in target.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"foo.bar"() : () -> ()', "f.mlir:1:10: Operation foo.bar is not registered"),
        (UNVERIFIED, "expected [i32], got []"),
    ],
)
def test_bad_ir(command, source, tmp_path, text, message):
    target = tmp_path / "out.mlir"
    outcome = command("opt", source(text), "-o", target)
    assert outcome.code == 1
    assert outcome.err.startswith("lstm-ir: error: ")
    assert message in outcome.err.splitlines()[0]
    assert "Traceback" not in outcome.err
    assert not target.exists()


def test_a_pass_that_fails(command, masked_model):
    outcome = command("opt", masked_model, "-p", "cpu-unrolled")
    assert outcome.code == 1
    assert "lstm-choose-form" in outcome.error
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("passes", "message"),
    [
        ("lstm-dance", "Unrecognized passes: ['lstm-dance']"),
        ("lstm-choose-form{form=", "Error parsing pass pipeline"),
        ("lstm-choose-form{shape=round}", "shape"),
    ],
)
def test_bad_pipelines(command, source, passes, message):
    outcome = command("opt", source(GOOD), "-p", passes)
    assert outcome.code == 2
    assert message in outcome.err.splitlines()[0]
    assert "Traceback" not in outcome.err


def test_diagnostics_as_output_keep_their_place(command, source):
    text = f"{GOOD}// -----\n{UNVERIFIED}// -----\n{GOOD.replace('good', 'late')}"
    outcome = command("opt", source(text), "--split-input-file", "--verify-diagnostics")
    assert outcome.code == 0
    places = [outcome.out.index(part) for part in ("@good", "expected [i32], got []", "@late")]
    assert places == sorted(places)
    outcome = command("opt", source("nonsense"), "--parsing-diagnostics")
    assert outcome.code == 0
    assert "Operation nonsense is not registered" in outcome.out


def test_other_flags(command, source):
    assert '"func.func"' in command("opt", source(GOOD), "--print-op-generic").out
    assert command("opt", source('"a.b"() : () -> ()'), "--allow-unregistered-dialect").code == 0


def test_standard_input(program):
    done = subprocess.run([*program[0], "opt"], env=program[1], input=GOOD, capture_output=True, text=True)
    assert done.returncode == 0
    assert "@good" in done.stdout


def test_missing_files(command, tmp_path):
    for name in ("no.mlir", "no.keras"):
        outcome = command("opt", tmp_path / name)
        assert outcome.code == 1
        assert name in outcome.error


def test_list(command):
    outcome = command("opt", "--list")
    assert outcome.code == 0
    for name in (*PIPELINES, *LSTM_UNIVERSE.all_passes):
        assert name in outcome.out


def test_beside_the_installed_entry_point(command, masked_model, monkeypatch):
    from xdsl.universe import XDSL_UNIVERSE, Universe

    both = Universe(
        all_dialects={**XDSL_UNIVERSE.all_dialects, **LSTM_UNIVERSE.all_dialects},
        all_passes={**XDSL_UNIVERSE.all_passes, **LSTM_UNIVERSE.all_passes},
        all_targets=XDSL_UNIVERSE.all_targets,
    )
    for universe in (XDSL_UNIVERSE, both):
        monkeypatch.setattr(Universe, "get_multiverse", lambda universe=universe: universe)
        assert "lstm.scan" in command("opt", masked_model, "-p", "recurrence").out
