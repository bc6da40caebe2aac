"""Every sample file gives, through the float64 reference, what the framework that wrote it predicted."""

from pathlib import Path

import numpy as np
import pytest

from lstm_ir.importers import read_model
from lstm_ir.reference import run_model

DATA = Path(__file__).parent / "data"
SAMPLES = sorted(p.name for p in DATA.iterdir() if p.suffix in (".keras", ".h5"))
TOLERANCE = {np.dtype("float32"): 1e-5, np.dtype("float64"): 1e-9}


def test_all_four_kinds_of_file_are_there():
    kinds = {(name[:2], Path(name).suffix) for name in SAMPLES}
    assert kinds == {("k2", ".keras"), ("k2", ".h5"), ("k3", ".keras"), ("k3", ".h5")}
    assert len(SAMPLES) >= 20


@pytest.mark.parametrize("name", SAMPLES)
def test_predictions(name):
    model = read_model(DATA / name)
    with np.load(DATA / f"{name}.npz") as recorded:
        expected = [recorded[f"y{i}"] for i in range(len([k for k in recorded if k[0] == "y"]))]
        again = [recorded[key] for key in sorted(recorded) if key[0] == "n"]
        x = recorded["x"]
    result = run_model(model, x)
    assert len(result.outputs) == len(expected) == len(model.output_shapes)
    for got, want in zip(result.outputs, expected, strict=True):
        assert got.shape == want.shape
        assert np.abs(got - want).max() <= TOLERANCE[want.dtype]
    if again:  # stateful: the same batch once more, from where the first call ended
        result = run_model(model, x, initial_state=result.states)
        assert np.abs(result.outputs[0] - again[0]).max() <= TOLERANCE[again[0].dtype]
        assert np.abs(expected[0] - again[0]).max() > 1e-2


@pytest.mark.parametrize("name", ["k2_hard_sigmoid.h5", "k3_hard_sigmoid.keras"])
def test_hard_sigmoid_is_the_writers(name):
    """The two functions differ enough for these samples to tell a wrong reading."""
    model = read_model(DATA / name)
    expected = {"k2": "hard_sigmoid", "k3": "hard_sigmoid_keras3"}[name[:2]]
    assert [layer.activation.name for layer in model.layers[1:]] == [expected] * 2
    assert model.layers[0].recurrent_activation.name == expected
    assert {layer.flavour for layer in model.layers} == {"keras2" if name.startswith("k2") else "keras3"}


def test_names_shapes_and_dtypes():
    model = read_model(DATA / "k3_masked_classifier.keras")
    assert model.name == "classifier"
    assert (model.input_name, model.input_shape, model.input_dtype) == ("signal", (None, None, 3), "float32")
    names = [layer.name for layer in model.layers]
    assert names == ["padding", "both_ways", "drop", "encoder", "head", "probabilities"]
    assert model.built
    assert read_model(DATA / "k2_float64.h5").input_dtype == "float64"
    assert read_model(DATA / "k2_stateful.h5").input_shape == (4, 6, 3)
    assert read_model(DATA / "k2_time_major.h5").layers[1].time_major


def test_one_model_is_the_same_from_both_forms():
    first, second = (read_model(DATA / f"k3_masked_classifier{suffix}") for suffix in (".keras", ".h5"))
    assert [w.shape for w in first.weights] == [w.shape for w in second.weights]
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["k3_masked_classifier.keras", "k2_masked_classifier.h5"])
def test_the_suffix_does_not_matter(name, tmp_path):
    for suffix in (".bin", ".h5", ".keras"):
        target = tmp_path / f"model{suffix}"
        target.write_bytes((DATA / name).read_bytes())
        assert read_model(target).name == "classifier"
    assert read_model(str(target)).name == "classifier"


def test_a_compressed_archive(changed_keras):
    import zipfile

    path = changed_keras("k3_masked_classifier.keras", compression=zipfile.ZIP_DEFLATED)
    whole = read_model(DATA / "k3_masked_classifier.keras")
    for a, b in zip(read_model(path).get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
