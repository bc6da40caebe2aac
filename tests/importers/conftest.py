"""Sample model files, and copies of them changed in one place."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture
def data() -> Path:
    return DATA


@pytest.fixture
def changed_h5(tmp_path: Path) -> Callable[..., Path]:
    """Copies a sample `.h5` and lets a function change it; `config` changes the parsed model_config instead."""

    def change(
        name: str,
        edit: Callable[[h5py.File], None] | None = None,
        config: Callable[[Any], Any] | None = None,
    ) -> Path:
        target = tmp_path / "changed.h5"
        shutil.copy(DATA / name, target)
        with h5py.File(target, "r+") as file:
            if config is not None:
                model = json.loads(file.attrs["model_config"])
                file.attrs["model_config"] = json.dumps(config(model) or model)
            if edit is not None:
                edit(file)
        return target

    return change


@pytest.fixture
def changed_keras(tmp_path: Path) -> Callable[..., Path]:
    """Copies a sample `.keras`, its JSON members passed through functions, its weights through one on the HDF5."""

    def change(
        name: str,
        config: Callable[[Any], Any] | None = None,
        metadata: Callable[[Any], Any] | None = None,
        weights: Callable[[h5py.File], None] | None = None,
        compression: int = zipfile.ZIP_STORED,
    ) -> Path:
        target = tmp_path / "changed.keras"
        with zipfile.ZipFile(DATA / name) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
        for member, edit in (("config.json", config), ("metadata.json", metadata)):
            if edit is not None:
                value = json.loads(members[member])
                members[member] = json.dumps(edit(value) or value).encode()
        if weights is not None:
            buffer = io.BytesIO(members["model.weights.h5"])
            with h5py.File(buffer, "r+") as file:
                weights(file)
            members["model.weights.h5"] = buffer.getvalue()
        with zipfile.ZipFile(target, "w", compression) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return target

    return change
