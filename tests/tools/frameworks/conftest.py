from pathlib import Path

import numpy as np
import pytest

from lstm_ir.layers import Model
from lstm_ir.reference import run_model
from lstm_ir.tools.frameworks.exchange import Question
from lstm_ir.tools.frameworks.opened_model import OpenedModel

DATA = Path(__file__).parents[2] / "importers" / "data"


@pytest.fixture
def data() -> Path:
    return DATA


@pytest.fixture
def agrees():
    """What a framework answers to a question is what the reference gives; returns the answer."""

    def check(model: Model, opened: OpenedModel, question: Question, *, missing: tuple[str, ...] = (), atol=3e-6):
        answer = opened.answer(question)
        mask = next(iter(question.masks.values()), None)  # of the models here those with masks have one input
        right = run_model(model, question.inputs, mask, question.states)
        for mine, wanted in zip(answer.outputs, right.outputs, strict=True):
            np.testing.assert_allclose(mine, wanted, atol=atol)
        assert set(answer.states) == set(right.states) - set(missing)
        for name, state in answer.states.items():
            np.testing.assert_allclose(state, right.states[name], atol=atol, err_msg=name)
        return answer

    return check


@pytest.fixture
def recorded_inputs():
    """The inputs of a sample, by name, as its framework was given them."""

    def read(path: Path) -> dict[str, np.ndarray]:
        with np.load(f"{path}.npz") as arrays:
            return {key.removeprefix("x:"): arrays[key] for key in arrays if key.startswith("x:")}

    return read


@pytest.fixture
def drawn_states():
    """States of every layer that has any, drawn."""

    def draw(model: Model, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        random = np.random.default_rng(3)
        states = run_model(model, inputs).states
        return {name: random.uniform(-1, 1, state.shape).astype(np.float32) for name, state in states.items()}

    return draw
