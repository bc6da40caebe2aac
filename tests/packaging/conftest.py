"""The wheel, an environment with nothing but its base dependencies, and an artifact to run there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lstm_ir

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


def run_command(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command away from the repository, so that it finds what is installed and not what lies here."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_"))}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def succeed(command: list[str], folder: Path) -> str:
    done = run_command(command, folder)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check"]
    succeed([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def base_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that holds the wheel without extras."""
    folder = tmp_path_factory.mktemp("base environment")
    succeed([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    succeed([str(python), "-m", "pip", "--no-input", "--disable-pip-version-check", "install", str(wheel)], folder)
    return python


@pytest.fixture(scope="session")
def in_base(base_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs Python with the given arguments in the base environment."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command([str(base_python), *arguments], folder)

    return run


@pytest.fixture(scope="session")
def small_layer() -> "lstm_ir.LSTM":
    layer = lstm_ir.LSTM(4, return_sequences=True, name="lstm")
    layer.build((None, None, 3))
    return layer


@pytest.fixture(scope="session")
def artifact(small_layer: "lstm_ir.LSTM", tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An artifact, an input for it, and what this process answers."""
    folder = tmp_path_factory.mktemp("artifact")
    paths = folder / "small.vmfb", folder / "x.npy", folder / "y.npy"
    module = lstm_ir.compile(small_layer, output=paths[0])
    x = np.random.default_rng(0).standard_normal((2, 5, 3)).astype(np.float32)
    np.save(paths[1], x)
    np.save(paths[2], module(x))
    return paths
