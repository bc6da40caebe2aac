"""Which framework a model is compared with: its own where it is installed and the file can be given to it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lstm_ir.layers import Model
from lstm_ir.tools.failures import CommandError, CommandLineError
from lstm_ir.tools.frameworks.exchange import Question, Request, Response
from lstm_ir.tools.frameworks.keras_config_check import refusal

REFERENCE = "reference"
AUTO = "auto"
FRAMEWORKS = {
    "keras3": "keras",
    "keras2": "keras",
    "compat.v1": "keras",
    "onnx": "onnxruntime",
    "pytorch": "torch",
}
"""The framework that models of each source are compared with, as ``--against`` names it."""

_KERAS_3_BACKENDS = ("tensorflow", "jax", "torch")


@dataclass(frozen=True)
class Choice:
    """What a model is compared with.

    Attributes:
        framework: As ``--against`` names it, or None for the reference.
        worker: Which worker asks it.
        settings: What the worker has to know.
        reason: Why it is the reference although nobody asked for that, or None.
    """

    framework: str | None
    worker: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None


def choose(model: Model, path: Path, against: str, prefix: str | None, batch_first: bool) -> Choice:
    """Choose what a model is compared with.

    Args:
        model: What was read.
        path: The file that it was read from.
        against: ``auto``, ``reference``, or one of `FRAMEWORKS`.
        prefix: Which LSTM of a file of PyTorch's.
        batch_first: Its layout.

    Raises:
        CommandLineError: ``against`` names another framework than the model's.
        CommandError: It names the model's, which cannot be had.
    """
    if against == REFERENCE:
        return Choice(None)
    framework = FRAMEWORKS[model.source]
    if against not in (AUTO, framework):
        raise CommandLineError(
            f"--against: got {against}, but MODEL is one of {model.source}; expected auto, reference or {framework}"
        )
    worker = {"keras": model.source, "onnxruntime": "onnxruntime", "torch": "torch"}[framework]
    worker = "keras2" if worker == "compat.v1" else worker
    reason = _missing(worker)
    if reason is None and framework == "keras":
        reason = refusal(path)
    if reason is not None:
        return given_up(against, framework, reason)
    return Choice(framework, worker, _settings(model, path, framework, prefix, batch_first))


def given_up(against: str, framework: str, reason: str) -> Choice:
    """Return the reference in place of a framework, for a reason.

    Raises:
        CommandError: ``against`` names the framework.
    """
    if against != AUTO:
        raise CommandError(f"--against {framework}: {reason}")
    return Choice(None, reason=f"{framework} was not asked: {reason}")


def put(choice: Choice, path: Path, questions: Sequence[Question]) -> Response:
    """Ask the framework that was chosen."""
    from lstm_ir.tools.frameworks.process import ask

    return ask(Request(choice.worker, path, choice.settings, questions))


def _missing(worker: str) -> str | None:
    """Return what is not installed, or None."""
    match worker:
        case "keras3":
            if (_major("keras") or 0) < 3:
                return "Keras 3 is not installed (package keras)"
            if not any(map(_is_installed, _KERAS_3_BACKENDS)):
                return f"Keras 3 has nothing to run on; it takes one of the packages {', '.join(_KERAS_3_BACKENDS)}"
            return None
        case "keras2":
            if not _is_installed("tf_keras") and _major("keras") != 2:
                return "Keras 2 is not installed (package tf_keras)"
            return None if _is_installed("tensorflow") else "TensorFlow is not installed"
        case "onnxruntime":
            return None if _is_installed("onnxruntime") else "ONNX Runtime is not installed (package onnxruntime)"
    return None if _is_installed("torch") else "PyTorch is not installed (package torch)"


def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


def _major(package: str) -> int | None:
    try:
        return int(version(package).split(".")[0])
    except (PackageNotFoundError, ValueError):
        return None


def _settings(model: Model, path: Path, framework: str, prefix: str | None, batch_first: bool) -> dict[str, Any]:
    if framework == "onnxruntime":
        return {}
    if framework == "torch":
        return {"prefix": prefix, "batch_first": batch_first}
    weights = None
    if path.suffix not in (".keras", ".h5", ".hdf5") and path.is_file() and _is_json(path):
        weights = str(path.with_name(f"{path.stem}.weights.h5").absolute())
    return {
        "inputs": [given.name for given in model.inputs],
        "recurrences": recurrences_of(model),
        "weights": weights,
    }


def _is_json(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).lstrip().startswith(b"{")


def recurrences_of(model: Model) -> list[dict[str, Any]]:
    """Return the layers that have states in our module, as the Keras worker takes them."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for recurrence in model.recurrences():
        if recurrence.state is None:
            continue
        suffix = recurrence.path.removeprefix(recurrence.call.name).removeprefix("/").partition("/")[0]
        part = suffix if suffix in ("forward", "backward") else ""
        entry = found.setdefault(
            (recurrence.call.path, part), {"layer": recurrence.call.path, "part": part, "cells": [], "numbers": []}
        )
        names = list(recurrence.state_names)
        entry["cells"] += [names] if names not in entry["cells"] else []
        entry["numbers"] += [number for number in [recurrence.call.number] if number not in entry["numbers"]]
    return [{**entry, "calls": len(entry.pop("numbers"))} for entry in found.values()]
