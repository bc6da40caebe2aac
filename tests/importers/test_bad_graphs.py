"""Graphs that contradict themselves or ask for too much are refused, whatever in their config is wrong."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_ir.errors import LstmIrError, ModelFileError
from lstm_ir.importers import read_model

SAMPLE = Path(__file__).parent / "data" / "whole" / "k3_merges.keras"
Layers = dict[str, Any]


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[Callable[[Layers, Any], Any]], str]:
    """What reading the sample says after a function has changed its config."""

    def read(change: Callable[[Layers, Any], Any]) -> str:
        with zipfile.ZipFile(SAMPLE) as archive:
            model = json.loads(archive.read("config.json"))
            (tmp_path / "model.weights.h5").write_bytes(archive.read("model.weights.h5"))
        change({layer["name"]: layer for layer in model["config"]["layers"]}, model["config"])
        (tmp_path / "model.json").write_text(json.dumps(model))
        with pytest.raises(LstmIrError) as caught:
            read_model(tmp_path / "model.json")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return read


def config(name: str, **changes: Any) -> Callable[[Layers, Any], Any]:
    return lambda layers, _: layers[name]["config"].update(changes)


def source(name: str, *history: Any) -> Callable[[Layers, Any], Any]:
    """Change what a layer is called on."""
    return lambda layers, _: layers[name]["inbound_nodes"][0]["args"][0]["config"].update(keras_history=list(history))


def uncalled(name: str) -> Callable[[Layers, Any], Any]:
    """A call without arguments."""
    return lambda layers, _: layers[name]["inbound_nodes"][0].update(args=[])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (config("reshape", target_shape=[10**12, -1]), "cannot make"),
        (config("reshape", target_shape="abc"), "target_shape"),
        (config("permute", dims=[1, None]), "dims"),
        (config("cropping1d", cropping=[3, -1]), "negative"),
        (config("up_sampling1d", size="2"), "size"),
        (config("elu", alpha={"config": 3}), "alpha"),
        (config("dense_4", units=10**15), "the file has room for"),
        (config("left", batch_shape=[None, 10**18, 2]), "incompatible shapes"),
        (config("shared", layers=[]), "lacks name or layers"),
        (source("re_lu", "elu", 0, 0), "feeds itself"),
        (uncalled("lstm_6"), "no tensor"),
        (uncalled("any_4"), "called on nothing"),
        (source("re_lu", "nobody", 0, 0), "'nobody' is named in the graph"),
        (source("re_lu", "up_sampling1d", 9, 0), "on what nothing makes"),
        (source("re_lu", "up_sampling1d", 0, 9), "has no tensor 9"),
        (lambda layers, _: layers["re_lu"]["inbound_nodes"][0].update(args=[]), "no tensor"),
        (lambda layers, _: layers["re_lu"]["inbound_nodes"][0].update(args=[3]), "no tensor"),
        (lambda _, model: model.update(input_layers=[["re_lu", 0, 0]]), "is no input"),
        (lambda _, model: model.update(output_layers=[]), "outputs"),
        (lambda _, model: model.update(output_layers="x"), "output_layers"),
        (lambda _, model: model.update(output_layers=[["masking_2", 0]]), "does not name a tensor"),
    ],
)
def test_what_is_wrong_is_named(refusal: Any, change: Callable[[Layers, Any], Any], text: str):
    assert text in refusal(change)


def test_models_nested_without_end(tmp_path: Path):
    layer: dict[str, Any] = {"class_name": "Flatten", "config": {"name": "f", "dtype": "float32"}}
    for depth in range(60):
        layer = {"class_name": "Sequential", "config": {"name": f"s{depth}", "layers": [layer]}}
    given = {"class_name": "InputLayer", "config": {"name": "x", "dtype": "float32", "batch_shape": [None, 3]}}
    model = {"class_name": "Sequential", "config": {"name": "deep", "layers": [given, layer]}, "keras_version": "3.5"}
    (tmp_path / "deep.json").write_text(json.dumps(model))
    (tmp_path / "deep.weights.h5").write_bytes(b"")
    with pytest.raises(ModelFileError, match="nested more than"):
        read_model(tmp_path / "deep.json")
