"""The command, run in this process, and two artifacts compiled once."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_ir.runtime import pack, unpack
from lstm_ir.tools.main import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What one run of the command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of an error; fails if there is more."""
        assert self.err.startswith("lstm-ir: error: ")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err
        return self.err.removeprefix("lstm-ir: error: ").rstrip("\n")


@pytest.fixture
def command(capsys) -> Callable[..., Outcome]:
    """Run the command with these arguments."""

    def run(*arguments: Any) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def program() -> tuple[list[str], dict[str, str]]:
    """Argument list and environment that start the command as a process of its own."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return [sys.executable, "-m", "lstm_ir"], {**os.environ, "PYTHONPATH": path}


@pytest.fixture(scope="session")
def samples() -> Path:
    """Model files that Keras wrote."""
    return ROOT / "tests" / "importers" / "data"


@pytest.fixture(scope="session")
def classifier() -> Path:
    """A model that makes its own mask: Masking, Bidirectional, Dropout, Dense; 12 features, 9 classes."""
    return ROOT / "examples" / "japanese_vowels" / "model.keras"


@pytest.fixture(scope="session")
def masked_model(samples) -> Path:
    """A model that takes a mask: 3 features."""
    return samples / "k3_built_by_call.h5"


def _compile(model: Path, folder: Path, *options: str) -> Path:
    target = folder / f"{model.stem}.vmfb"
    assert main(["compile", str(model), "-o", str(target), "--json", *options]) == 0
    return target


@pytest.fixture(scope="session")
def classifier_artifact(classifier, tmp_path_factory) -> Path:
    return _compile(classifier, tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="session")
def masked_artifact(masked_model, tmp_path_factory) -> Path:
    return _compile(masked_model, tmp_path_factory.mktemp("masked"))


@pytest.fixture(scope="session")
def training_artifact(classifier, tmp_path_factory) -> Path:
    """The classifier with its Dropout active."""
    return _compile(classifier, tmp_path_factory.mktemp("training"), "--training")


@pytest.fixture
def redescribed(classifier_artifact, tmp_path) -> Callable[..., Path]:
    """The classifier's artifact with another target in its description, its checksum right."""

    def change(**target: Any) -> Path:
        vmfb, description = unpack(classifier_artifact.read_bytes())
        description["target"].update(target)
        path = tmp_path / "other.vmfb"
        path.write_bytes(pack(vmfb, description))
        return path

    return change


@pytest.fixture
def inputs(tmp_path) -> Callable[..., Path]:
    """Save an array."""

    def save(array: Any, name: str = "x.npy") -> Path:
        path = tmp_path / name
        np.save(path, array, allow_pickle=True)
        return path

    return save


@pytest.fixture
def bad_models(tmp_path, classifier, samples) -> dict[str, Path]:
    """Files that are no models, and part of the message that each gets."""
    found = {"does not exist": tmp_path / "missing.keras"}
    for message, name, data in (
        ("is empty", "empty.keras", b""),
        ("neither a zip archive nor HDF5", "text.h5", b"once upon a time"),
        ("cut.keras", "cut.keras", classifier.read_bytes()[:5000]),
        ("cut.h5", "cut.h5", (samples / "k3_bidirectional.h5").read_bytes()[:3000]),
    ):
        found[message] = tmp_path / name
        found[message].write_bytes(data)
    found["weights alone"] = tmp_path / "weights.h5"
    shutil.copy(samples / "refused" / "k2_weights_only.h5", found["weights alone"])
    return found
