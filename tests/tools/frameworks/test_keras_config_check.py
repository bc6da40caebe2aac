"""Which Keras files are handed to Keras: none that names what is not Keras's own."""

import json
import zipfile
from pathlib import Path

import pytest

from lstm_ir.importers import read_model
from lstm_ir.tools.frameworks.keras_config_check import refusal

DATA = Path(__file__).parents[2] / "importers" / "data"
FILES = sorted(path for path in DATA.rglob("k*.*") if path.suffix in (".keras", ".h5") and "refused" not in path.parts)


def test_every_sample_is_handed_over():
    assert len(FILES) > 40
    assert [path.name for path in FILES if refusal(path) is not None] == []


@pytest.mark.parametrize(
    ("initializer", "reason"),
    [
        ({"module": "os", "class_name": "system", "config": "touch gotcha"}, "names a 'system'"),
        ({"module": "os", "class_name": "Zeros", "config": {}}, "the module 'os'"),
        ({"module": "builtins", "class_name": "function", "config": "eval"}, "names a 'function'"),
        ({"class_name": "__lambda__", "config": {"value": "4wAAAA=="}}, "names a '__lambda__'"),
        ({"module": None, "class_name": "Zeros", "registered_name": "mine>Zeros"}, "custom object 'mine>Zeros'"),
        ({"module": "keras.src.utils"}, "names a None"),
    ],
)
def test_what_the_importer_passes_over_is_looked_at(tmp_path, initializer, reason):
    source, path = DATA / "k3_masked_classifier.keras", tmp_path / "m.keras"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                dense = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Dense")
                dense["config"]["bias_initializer"] = initializer
                data = json.dumps(config).encode()
            new.writestr(name, data)
    read_model(path)  # what initializes is of no use to us
    assert reason in refusal(path)


def test_functions_of_tensorflow(tmp_path):
    path = tmp_path / "m.json"
    for function, reason in (("math.add", None), ("io.write_file", "its config names the function 'io.write_file'")):
        layer = {"class_name": "TFOpLambda", "config": {"name": "f", "function": function}}
        path.write_text(json.dumps({"class_name": "Functional", "config": {"layers": [layer]}}))
        assert refusal(path) == reason


def test_a_damaged_file_and_a_folder(tmp_path):
    path = tmp_path / "m.keras"
    path.write_bytes(b"PK\x03\x04 and no more")
    assert "cannot be read again" in refusal(path)
    assert "cannot be read again" in refusal(tmp_path)
    with zipfile.ZipFile(DATA / "saved" / "stream.zip") as archive:
        archive.extractall(tmp_path / "saved")
    assert refusal(tmp_path / "saved") is None
    metadata = tmp_path / "saved" / "keras_metadata.pb"
    metadata.write_bytes(metadata.read_bytes().replace(b'"class_name": "Zeros"', b'"class_name": "Evil_"'))
    assert "names a 'Evil_'" in refusal(tmp_path / "saved")
