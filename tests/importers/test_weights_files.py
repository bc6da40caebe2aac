"""A model from the JSON of its config and a file of its weights."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lstm_ir.errors import ModelFileError
from lstm_ir.importers import read_model

DATA = Path(__file__).parent / "data"


def unpack(archive: Path, folder: Path) -> tuple[Path, Path]:
    """The config and the weights of a `.keras` file as two files."""
    config, weights = folder / "model.json", folder / "model.weights.h5"
    with zipfile.ZipFile(archive) as opened:
        config.write_bytes(opened.read("config.json"))
        weights.write_bytes(opened.read("model.weights.h5"))
    return config, weights


def same(first: object, second: object) -> None:
    for mine, right in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, right)


@pytest.mark.parametrize("name", ["whole/k3_forecast.keras", "whole/k3_merges.keras", "k3_masked_classifier.keras"])
def test_config_and_weights_of_keras_3(name: str, tmp_path: Path):
    config, _ = unpack(DATA / name, tmp_path)  # the weights are found beside it
    same(read_model(config), read_model(DATA / name))


@pytest.mark.parametrize("weights", ["k2_weights_only.h5", "k2_weights_only.weights.h5"])
def test_config_and_weights_of_keras_2(weights: str, tmp_path: Path):
    whole = DATA / "k2_layer_as_activation.keras"
    config, _ = unpack(whole, tmp_path)
    with zipfile.ZipFile(whole) as opened:
        version = json.loads(opened.read("metadata.json"))["keras_version"]
    config.write_text(json.dumps(json.loads(config.read_text()) | {"keras_version": version, "backend": "tensorflow"}))
    same(read_model(config, weights=DATA / "refused" / weights), read_model(whole))


def test_what_does_not_belong_together_is_refused(tmp_path: Path):
    config, weights = unpack(DATA / "whole" / "k3_merges.keras", tmp_path)
    with pytest.raises(ModelFileError, match=r"layers/"):
        read_model(config, weights=DATA / "refused" / "k2_weights_only.weights.h5")
    weights.unlink()
    with pytest.raises(ModelFileError, match=r"model.weights.h5 is not beside it"):
        read_model(config)
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_model(config, weights=weights)
    config.write_text(json.dumps({"class_name": "Sequential", "config": {"name": "a", "layers": []}}))
    with pytest.raises(ModelFileError, match="keras_version"):
        read_model(config, weights=DATA / "refused" / "k2_weights_only.h5")
