"""Help, versions, completion, and how anything unexpected ends."""

import subprocess
import sys

import pytest

COMMANDS = ("compile", "run", "verify", "inspect", "export", "opt", "bench", "targets")


def test_help_names_every_command_and_the_exit_codes(command):
    outcome = command("--help")
    assert outcome.code == 0
    for name in (*COMMANDS, "lstm-ir compile model.keras", "3 not supported"):
        assert name in outcome.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command, name):
    outcome = command(name, "--help")
    assert outcome.code == 0
    assert "--help" in outcome.out


def test_nothing_is_usage_and_prints_help(command):
    outcome = command()
    assert (outcome.code, outcome.err) == (2, "")
    assert "compile" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["destroy"], "No such command 'destroy'; see: lstm-ir --help"),
        (["compile"], "Missing argument 'MODEL'; see: lstm-ir compile --help"),
        (["run", "a.vmfb"], "Missing option '--input'"),
        (["compile", "m.keras", "--batch", "0"], "--batch"),
        (["compile", "m.keras", "--batch", "two"], "--batch"),
        (["compile", "m.keras", "--form", "spiral"], "'auto', 'loop'"),
        (["compile", "m.keras", "--colour"], "No such option: --colour"),
    ],
)
def test_usage(command, arguments, message):
    outcome = command(*arguments)
    assert outcome.code == 2
    assert message in outcome.error
    assert outcome.out == ""


def test_version(command):
    from lstm_ir import __version__

    outcome = command("--version")
    assert outcome.code == 0
    assert outcome.out.startswith(f"lstm-ir {__version__}\n")
    assert "iree-base-compiler 3.13" in outcome.out


def test_help_imports_nothing_heavy(program):
    script = (
        "import sys; from lstm_ir.tools.main import main; main(['--help']); "
        "heavy = {'numpy', 'h5py', 'iree', 'xdsl', 'tensorflow', 'keras'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=program[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_without_the_extra(program, package):
    script = (
        f"import sys; sys.modules[{package!r}] = None; from lstm_ir.tools.main import main; sys.exit(main(['targets']))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=program[1], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert repr(package) in done.stderr
    assert "lstm-ir[compiler]" in done.stderr


def test_completion(program):
    environment = {**program[1], "_LSTM_IR_COMPLETE": "complete_bash", "COMP_WORDS": "lstm-ir co", "COMP_CWORD": "1"}
    done = subprocess.run(program[0], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["compile"]


def broken(_):
    raise RuntimeError("two\nlines")


def test_a_bug_is_one_line(command, monkeypatch):
    monkeypatch.setattr("lstm_ir.tools.application.run_application", broken)
    outcome = command("targets")
    assert outcome.code == 1
    assert "RuntimeError: two lines" in outcome.error


def test_a_bug_shows_where_if_asked(command, monkeypatch):
    monkeypatch.setattr("lstm_ir.tools.application.run_application", broken)
    monkeypatch.setenv("LSTM_IR_TRACEBACK", "1")
    assert "in broken" in command("targets").err


def test_names_are_not_markup(command, tmp_path):
    path = tmp_path / "[red]model[blue].keras"
    path.write_bytes(b"")
    outcome = command("compile", path)
    assert outcome.code == 1
    assert str(path) in outcome.error
