"""Ctrl-C, and a reader that goes away."""

import signal
import subprocess
import threading

import pytest

from lstm_ir.tools.interruption import is_work_running, run_interruptibly

# The last pass: what follows is IREE, which Python cannot interrupt.
LAST = b"// IR after lstm-check-stage{stage=\"target\"}"  # fmt: skip


def test_ctrl_c_while_iree_compiles(program, classifier, tmp_path):
    arguments = [*program[0], "compile", classifier, "-o", tmp_path / "m.vmfb", "--print-ir-after-all"]
    process = subprocess.Popen(arguments, env=program[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert any(line.startswith(LAST) for line in process.stderr)
    assert any(line == b")\n" for line in process.stderr)  # the whole module is printed: IREE has it now
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith(b"lstm-ir: interrupted\n")
    assert b"Traceback" not in err
    assert out == b""
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away(program, classifier):
    process = subprocess.Popen(
        [*program[0], "opt", classifier], env=program[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 141
    assert err == b""


def test_work_gives_its_result_and_its_error():
    assert run_interruptibly(lambda: threading.current_thread() is threading.main_thread()) is False
    with pytest.raises(ZeroDivisionError):
        run_interruptibly(lambda: 1 // 0)
    assert not is_work_running()
