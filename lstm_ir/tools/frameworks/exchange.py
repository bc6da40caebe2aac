"""What a framework is asked and what it answers, as files between two processes: JSON and arrays, never pickles."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Question:
    """One call of a model.

    Attributes:
        inputs: All inputs by name.
        masks: For inputs by name, bool, true where a step counts; empty for none.
        states: States to start from by name, (batch, units) each; those left out are zeros.
    """

    inputs: Mapping[str, Array]
    masks: Mapping[str, Array] = field(default_factory=dict)
    states: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a framework says to a question.

    Attributes:
        outputs: The model's outputs in its order; None where it could not be asked.
        states: The final states by name, of those that it tells.
        reason: Why it could not be asked, or why states are missing; None where there is nothing to say.
    """

    outputs: Sequence[Array] | None
    states: Mapping[str, Array] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True)
class Request:
    """All that a framework is asked.

    Attributes:
        worker: Who is asked: ``keras3``, ``keras2``, ``onnxruntime`` or ``torch``.
        model: The model's file.
        settings: What the worker has to know beside the file, JSON-ready.
        questions: The calls.
    """

    worker: str
    model: Path
    settings: Mapping[str, Any]
    questions: Sequence[Question]


@dataclass(frozen=True)
class Response:
    """All that a framework says.

    Attributes:
        version: Which framework it is, with its version, for people.
        answers: One for each question; none where the model could not be had.
        reason: Why it could not, or None.
    """

    version: str
    answers: Sequence[Answer] = ()
    reason: str | None = None


def write_request(folder: Path, request: Request) -> None:
    """Write a request into a folder, for `read_request`."""
    arrays = _Arrays()
    text = {
        "worker": request.worker,
        "model": str(request.model.absolute()),
        "settings": request.settings,
        "questions": [
            {key: arrays.numbered(getattr(question, key)) for key in ("inputs", "masks", "states")}
            for question in request.questions
        ],
    }
    _write(folder, "request", text, arrays)


def read_request(folder: Path) -> Request:
    """Read what `write_request` wrote."""
    text, arrays = _read(folder, "request")
    questions = [
        Question(**{key: {name: arrays[number] for name, number in named.items()} for key, named in given.items()})
        for given in text["questions"]
    ]
    return Request(text["worker"], Path(text["model"]), text["settings"], questions)


def write_response(folder: Path, response: Response) -> None:
    """Write a response into a folder, for `read_response`."""
    arrays = _Arrays()
    answers = [
        {
            "outputs": None if answer.outputs is None else [arrays.add(array) for array in answer.outputs],
            "states": arrays.numbered(answer.states),
            "reason": answer.reason,
        }
        for answer in response.answers
    ]
    _write(folder, "response", {"version": response.version, "reason": response.reason, "answers": answers}, arrays)


def read_response(folder: Path) -> Response:
    """Read what `write_response` wrote.

    Raises:
        FileNotFoundError: Nothing was written.
    """
    text, arrays = _read(folder, "response")
    answers = [
        Answer(
            None if given["outputs"] is None else [arrays[number] for number in given["outputs"]],
            {name: arrays[number] for name, number in given["states"].items()},
            given["reason"],
        )
        for given in text["answers"]
    ]
    return Response(text["version"], answers, text["reason"])


class _Arrays:
    """Arrays by number: the names of tensors are not always names of files."""

    def __init__(self) -> None:
        self.held: list[Array] = []

    def add(self, array: Array) -> int:
        # NumPy's format has no name for bfloat16; float32 holds every one of its values.
        self.held.append(array.astype(np.float32) if array.dtype.name == "bfloat16" else array)
        return len(self.held) - 1

    def numbered(self, arrays: Mapping[str, Array]) -> dict[str, int]:
        return {name: self.add(array) for name, array in arrays.items()}


def _write(folder: Path, name: str, text: Mapping[str, Any], arrays: _Arrays) -> None:
    np.savez(folder / f"{name}.npz", *arrays.held)
    (folder / f"{name}.json").write_text(json.dumps(text), encoding="utf-8")


def _read(folder: Path, name: str) -> tuple[Any, list[Array]]:
    text = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        return text, [arrays[f"arr_{number}"] for number in range(len(arrays.files))]
