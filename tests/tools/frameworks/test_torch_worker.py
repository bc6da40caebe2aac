"""What PyTorch itself is asked: packed sequences and hx."""

import numpy as np
import pytest

import lstm_ir
from lstm_ir.tools.frameworks.exchange import Question
from lstm_ir.tools.frameworks.opened_model import CannotAskError
from lstm_ir.tools.frameworks.torch_worker import TorchModel

pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("name", "prefix", "batch_first", "missing"),
    [
        ("torch_stack.pt", None, True, ()),
        # What is behind W_hr cannot be told from what is before it.
        ("torch_tagger.safetensors", "rnn", False, ("lstm_l0/h", "lstm_l1/h")),
    ],
)
def test_packed_sequences_and_states(data, agrees, drawn_states, name, prefix, batch_first, missing):
    model = lstm_ir.from_torch(data / name, prefix, batch_first)
    opened = TorchModel(data / name, {"prefix": prefix, "batch_first": batch_first})
    random = np.random.default_rng(0)
    x = random.standard_normal((3, 6, 3) if batch_first else (6, 3, 3)).astype(np.float32)
    mask = np.arange(6) < np.array([[6], [1], [4]])
    inputs = {"input": x}
    states = drawn_states(model, inputs)
    agrees(model, opened, Question(inputs), missing=missing)
    agrees(model, opened, Question(inputs, states=states), missing=missing)
    question = Question(inputs, {"input": mask if batch_first else mask.T}, states)
    answer = agrees(model, opened, question, missing=missing)
    assert (answer.reason is None) == (not missing)
    for holes in (mask[:, ::-1], mask & (np.arange(3)[:, np.newaxis] > 0)):
        with pytest.raises(CannotAskError, match="no holes"):
            opened.answer(Question(inputs, {"input": holes if batch_first else holes.T}))
