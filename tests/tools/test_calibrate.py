"""``lstm-ir bench --calibrate``: the cost model's constants, measured and read back."""

import json

import pytest

from lstm_ir.passes.cost_model import Costs, ScanFacts, choose, estimates
from lstm_ir.tools.bench.calibration import _probes, costs_file, costs_of


def facts(costs, units=128):
    return ScanFacts(
        batch=1, time=None, features=8, units=units, gates=4, unroll=False, vector="avx2", workers=4, costs=costs
    )


def test_constants_are_found_again_from_the_times_that_they_explain():
    true = Costs(
        loop_step_us=9.0,
        unrolled_step_us=4.0,
        tensor_loop_step_us=12.0,
        tensor_unrolled_step_us=6.0,
        tensor_gigaflops=20.0,
        kernel_gigaflops=70.0,
        stream_gigabytes=40.0,
        cell_unit_us=0.002,
        meeting_us=1.5,
    )
    workers, probes = 4, _probes(4)
    step = {}
    for name, probe in probes.items():
        known = ScanFacts(
            batch=probe.batch,
            time=probe.steps,
            features=probe.features,
            units=probe.units,
            gates=4,
            unroll=True,
            vector="avx2" if probe.kernels else None,
            workers=workers if probe.form == "cooperative" else 1,
            costs=true,
        )
        step[name] = next(e.step_us for e in estimates(known) if e.form == probe.form)
    found = costs_of(step, probes, workers)
    assert found.kernel_gigaflops == pytest.approx(true.kernel_gigaflops, rel=0.05)
    assert found.cell_unit_us == pytest.approx(true.cell_unit_us, rel=0.25)
    assert found.stream_gigabytes == pytest.approx(true.stream_gigabytes, rel=0.05)
    assert found.meeting_us == pytest.approx(true.meeting_us, rel=0.05)
    assert found.loop_step_us == pytest.approx(true.loop_step_us, rel=0.05)
    assert found.unrolled_step_us == pytest.approx(true.unrolled_step_us, rel=0.05)
    assert found.tensor_gigaflops == pytest.approx(true.tensor_gigaflops, rel=0.05)
    assert found.tensor_loop_step_us == pytest.approx(true.tensor_loop_step_us, rel=0.05)
    assert found.tensor_unrolled_step_us == pytest.approx(true.tensor_unrolled_step_us, rel=0.1)


def test_the_file_is_read_back_and_changes_the_choice(tmp_path):
    slow, quick = tmp_path / "slow.json", tmp_path / "quick.json"
    slow.write_bytes(costs_file(Costs(meeting_us=1000.0), 4))
    quick.write_bytes(costs_file(Costs(meeting_us=0.01), 4))
    assert Costs.read(quick) == Costs(meeting_us=0.01)
    assert choose(facts(Costs.read(slow)), "auto")[0] == "persistent"
    assert choose(facts(Costs.read(quick)), "auto")[0] == "cooperative"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"costs": {"meeting_us": 1}}'])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "costs.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"costs\.json"):
        Costs.read(path)


def test_constants_are_positive_numbers(tmp_path):
    path = tmp_path / "costs.json"
    found = json.loads(costs_file(Costs(), 2))
    found["costs"]["meeting_us"] = -1
    path.write_text(json.dumps(found))
    with pytest.raises(ValueError, match="not a positive number"):
        Costs.read(path)
