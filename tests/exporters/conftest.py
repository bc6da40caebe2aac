"""Exported models in ONNX Runtime, and read again by our own importer, beside the float64 reference."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from lstm_ir.exporters import onnx_bytes
from lstm_ir.importers.onnx_model import onnx_program
from lstm_ir.layers import Model
from lstm_ir.reference import run_model

Arrays = Mapping[str, np.ndarray]


class Exported:
    """A model and what was exported of it."""

    def __init__(self, model: Model, *, with_masks: bool = False) -> None:
        onnx = pytest.importorskip("onnx")
        self.model, self.data = model, onnx_bytes(model, with_masks=with_masks)
        self.proto = onnx.load_from_string(self.data)
        onnx.checker.check_model(self.proto, full_check=True)
        self.names = [value.name for value in self.proto.graph.output]

    def run(self, inputs: Arrays) -> list[np.ndarray]:
        """Run it in ONNX Runtime."""
        onnxruntime = pytest.importorskip("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(self.data, options, providers=["CPUExecutionProvider"])
        return [np.asarray(y) for y in session.run(self.names, dict(inputs))]

    def run_again(self, inputs: Arrays) -> list[np.ndarray]:
        """Run what our importer reads of it, in float64."""
        model = onnx_program(self.proto, "again")
        return run_model(model, {given.name: inputs[given.name] for given in model.inputs}).outputs


@pytest.fixture(scope="session")
def exported() -> type[Exported]:
    return Exported


@pytest.fixture(scope="session")
def close() -> Callable[..., None]:
    def check(names: list[str], found: list[np.ndarray], expected: list[Any], *, in_double: bool = False) -> None:
        for name, mine, right in zip(names, found, expected, strict=True):
            assert mine.shape == right.shape, name
            rtol, atol = (1e-9, 1e-10) if in_double else (2e-5, 3e-6)
            np.testing.assert_allclose(mine, right, rtol=rtol, atol=atol, err_msg=name)

    return check


@pytest.fixture(scope="session")
def both(close) -> Callable[..., None]:
    """Compares an exported model in ONNX Runtime, and read again by our importer, with what is expected."""

    def check(made: Exported, inputs: Arrays, expected: list[Any], *, in_double: bool = False) -> None:
        close(made.names, made.run(inputs), expected, in_double=in_double)
        close(made.names, made.run_again(inputs), expected, in_double=in_double)

    return check


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(17)
