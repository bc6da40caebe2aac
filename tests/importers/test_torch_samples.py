"""The weights that PyTorch wrote, compiled, give what PyTorch recorded; neither torch nor its unpickler is needed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lstm_ir
from lstm_ir.importers import read_model
from lstm_ir.layers import Functional
from lstm_ir.reference import run_model

DATA = Path(__file__).parent / "data"
SAMPLES = {
    "torch_stack.pt": {"batch_first": True},
    "torch_tagger.safetensors": {"prefix": "rnn"},
}
TOLERANCE = 3e-5


@pytest.fixture(scope="module", params=SAMPLES)
def sample(request) -> tuple[Functional, lstm_ir.Module, dict[str, np.ndarray]]:
    model = lstm_ir.from_torch(DATA / request.param, **SAMPLES[request.param])
    with np.load(DATA / f"{request.param}.npz") as arrays:
        return model, lstm_ir.compile(model), dict(arrays)


def mask_of(module: lstm_ir.Module, arrays: dict[str, np.ndarray]) -> np.ndarray:
    spec = module.inputs[0]
    mask = np.arange(arrays["x"].shape[spec.time_axis]) < arrays["lengths"][:, np.newaxis]
    return mask if spec.batch_axis == 0 else mask.T


def test_the_module_gives_what_pytorch_gave(sample):
    _, module, arrays = sample
    assert [spec.name for spec in module.outputs] == ["output", "h_n", "c_n"]
    for number, found in enumerate(module(arrays["x"])):
        np.testing.assert_allclose(found, arrays[f"y{number}"], rtol=0, atol=TOLERANCE)


def test_a_mask_stands_for_a_packed_sequence(sample):
    _, module, arrays = sample
    for number, found in enumerate(module(arrays["x"], mask=mask_of(module, arrays))):
        np.testing.assert_allclose(found, arrays[f"p{number}"], rtol=0, atol=TOLERANCE)


def test_the_reference_agrees(sample):
    model, module, arrays = sample
    for mask, kind in ((None, "y"), (mask_of(module, arrays), "p")):
        for number, found in enumerate(run_model(model, arrays["x"], mask).outputs):
            np.testing.assert_allclose(found, arrays[f"{kind}{number}"], rtol=0, atol=1e-6)


def test_a_batch_of_none(sample):
    _, module, arrays = sample
    spec = module.inputs[0]
    shapes = [np.take(arrays[f"y{k}"], [], axis=module.outputs[k].batch_axis).shape for k in range(3)]
    assert [y.shape for y in module(np.take(arrays["x"], [], axis=spec.batch_axis))] == shapes


def test_one_module_serves_states_of_its_own(sample):
    """In the layout (time, batch) a call continues where the one before ended; forward only, so is the whole."""
    _, module, arrays = sample
    if module.inputs[0].time_axis == 1:
        pytest.skip("two directions: the backward one needs the end first")
    state = module.make_state(arrays["x"].shape[1])
    parts = [module(arrays["x"][steps], state=state) for steps in (slice(0, 2), slice(2, 6))]
    np.testing.assert_allclose(np.concatenate([p[0] for p in parts]), arrays["y0"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(parts[-1][1], arrays["y1"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(parts[-1][2], arrays["y2"], rtol=0, atol=TOLERANCE)


def test_read_model_takes_the_file_by_what_is_in_it(tmp_path):
    renamed = tmp_path / "weights.bin"
    renamed.write_bytes((DATA / "torch_stack.pt").read_bytes())
    model = read_model(renamed)
    assert model.inputs[0].shape == (None, None, 3)
    with pytest.warns(UserWarning, match=r"left out: 'words\.bias', 'words\.weight\'"):
        read_model(DATA / "torch_tagger.safetensors")


def test_the_config_makes_the_same_graph():
    model = lstm_ir.from_torch(DATA / "torch_stack.pt")
    again = Functional.from_config(model.get_config(), flavour=model.flavour)
    again.build()
    assert again.get_config() == model.get_config()


def test_reading_imports_no_framework():
    code = (
        "import sys, lstm_ir;"
        f"lstm_ir.from_torch({str(DATA / 'torch_stack.pt')!r});"
        f"lstm_ir.from_torch({str(DATA / 'torch_tagger.safetensors')!r}, 'rnn');"
        "assert not {'torch', 'pickle5', 'dill'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
