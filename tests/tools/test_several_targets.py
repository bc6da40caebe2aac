"""Artifacts for several targets: compiled, looked at, and loaded by device."""

import numpy as np
import pytest

import lstm_ir
from lstm_ir.layers import LSTM


@pytest.fixture(scope="module")
def both(masked_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("several") / "both.vmfb"
    data = lstm_ir.compiler.compile_artifact(masked_model, "cpu, vulkan", target_gpu="generic").data
    path.write_bytes(data)
    return path


def test_compile(command, masked_model, tmp_path):
    path = tmp_path / "both.vmfb"
    outcome = command("compile", masked_model, "-o", path, "--target", "cpu,cuda", "--target-gpu", "sm_89", "--json")
    result = outcome.json
    assert result["target"]["name"] == "cpu"
    assert [(other["target"]["name"], other["target"]["gpu"]) for other in result["others"]] == [("cuda", "sm_89")]
    single = lstm_ir.read_model(masked_model)
    assert result["weights_bytes"] == 2 * sum(weight.nbytes for weight in single.get_weights())
    assert result["bytes"] == path.stat().st_size
    table = command("inspect", path).out
    assert "and for cuda" in table
    assert "cuda, sm_89 (+ptx" in table
    assert "one launch" in table


def test_inspect(command, both):
    result = command("inspect", both, "--json").json
    (other,) = result["others"]
    assert (result["target"]["backend"], other["target"]["backend"]) == ("llvm-cpu", "vulkan-spirv")
    assert {scan["form"] for scan in other["scans"]} == {"persistent"}
    assert result["module_bytes"] + other["module_bytes"] < result["bytes"] < both.stat().st_size + 1


def test_run_takes_the_first(command, both, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones((2, 5, 3), np.float32))
    outcome = command("run", both, "-i", path, "-o", tmp_path / "y.npz")
    assert outcome.code == 0, outcome.err


def test_the_device_chooses(vulkan, both):
    on_cpu, on_gpu = lstm_ir.load(both), lstm_ir.load(both, device=vulkan)
    assert (on_cpu.device.is_local, on_gpu.device.name) == (True, vulkan)
    x = np.random.default_rng(0).normal(size=(3, 6, 3)).astype(np.float32)
    for left, right in zip(np.atleast_1d(on_cpu(x)), np.atleast_1d(on_gpu(x)), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"target": "cpu,cpu"}, "target: got 'cpu,cpu', in which one comes twice"),
        ({"target": "cpu,tpu"}, "target: got 'tpu', this version compiles for cpu, cuda, vulkan"),
        ({"target": "cpu,"}, "target: got '', this version compiles for"),
        ({"target": "cuda,vulkan", "target_gpu": "ampere"}, "target_gpu: got 'ampere', which may be of cuda or vulkan"),
        ({"target": "cuda,vulkan", "target_cpu": "znver3"}, "target_cpu: got 'znver3', but target cuda runs no code"),
    ],
)
def test_bad_arguments(options, text):
    layer = LSTM(2)
    layer.build((None, None, 3))
    with pytest.raises(lstm_ir.LstmIrError, match=text):
        lstm_ir.compiler.compile_artifact(layer, **options)
