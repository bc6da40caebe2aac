"""The script that measures on GPUs: what it expects is the reference's, and it goes on behind what dies or hangs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lstm_ir.reference import run_model
from lstm_ir.tools.bench.suite import Shape

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "measure_gpu"
WORKER = """
import json, os, sys, time
for item in json.load(sys.stdin):
    print(json.dumps({"begin": item}), flush=True)
    if item[1] == "dies":
        os._exit(3)
    if item[1] == "hangs":
        time.sleep(60)
    times = {"lstm-ir": {"median_us": 10.0, "difference": 0.0}, "cuDNN": {"median_us": 5.0}}
    result = {"ok": not item[1].endswith("wrong"), "forms": ["persistent"], **times}
    print(json.dumps({"end": item, "result": result}), flush=True)
"""


@pytest.fixture
def script(monkeypatch):
    """The modules of the folder, by name."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names = [path.stem for path in FOLDER.glob("*.py")]
    yield lambda name: __import__(name)
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("variant", ["plain", "masked", "hard_sigmoid"])
def test_what_is_expected_is_what_the_reference_gives(script, variant):
    pytest.importorskip("torch")
    plan = script("plan")
    # Both directions zero what is masked; what is measured masked has one.
    shape = Shape(3, 5, 4, 6, layers=2, is_bidirectional=variant != "masked")
    what = plan.Measured(shape, "float16", variant)
    x, mask = what.inputs()
    want = run_model(what.model, x, mask=mask).outputs[0]
    got = script("expected").expected(what, x, mask, "cpu").numpy()
    # The second layer reads what the first one gives, which the reference rounds.
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_it_goes_on_behind_what_dies_or_hangs(script, tmp_path, monkeypatch, capsys):
    measure = script("measure")
    manifest = {
        "target_gpu": "sm_90",
        "measured": ["1,2,3,4 float32", "dies", "1,8,3,4 float32", "hangs", "1,9,3,4 wrong"],
        "cases": {"auto": [], "cooperative": []},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "worker.py").write_text(WORKER)
    (tmp_path / "report.py").write_text((FOLDER / "report.py").read_text())
    monkeypatch.setattr(measure, "HERE", tmp_path)
    monkeypatch.setattr(measure, "_about", lambda *_: {"device": "cuda:0"})
    out = tmp_path / "out"
    options = ["--stages", "speed", "--patience", "2", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["measure.py", str(tmp_path), *options])
    assert measure.main() == 1
    said = capsys.readouterr().out
    assert "ok    speed 1,8,3,4 float32 lstm-ir 10 us cuDNN 5 us" in said
    assert "2 right, 3 wrong, 0 not reached" in said
    results = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()][1:]
    errors = {line["item"][1]: line["result"].get("error", "") for line in results}
    assert errors["dies"] == "the process ended with 3"
    assert errors["hangs"].startswith("no answer for 2 s")
    report = (out / "report.md").read_text()
    assert "| 1,8,3,4 float32 | persistent | 0.010 | 1.25 | 0.005 | 0.50 |  | 0.0e+00 |" in report
    assert "WRONG hangs" in report


def test_everything_has_a_name_and_an_artifact_of_its_own(script):
    plan = script("plan")
    assert len({str(what) for what in plan.MEASURED}) == len(plan.MEASURED)
    assert all(what.artifact for what in plan.MEASURED)


def test_help_needs_nothing_installed():
    done = subprocess.run(
        [sys.executable, "-I", str(FOLDER / "measure.py"), "--help"], capture_output=True, text=True, check=True
    )
    assert "--patience" in done.stdout
