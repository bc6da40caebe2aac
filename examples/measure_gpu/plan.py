"""What is measured: layers with weights that both sides can make, and calls of them. Needs NumPy only."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lstm_ir.layers import LSTM, Bidirectional, Sequential
from lstm_ir.tools.bench.suite import ALL_SHAPES, Shape

DTYPES = {"float32": "float32", "float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}
"""The policy of a layer by what it computes in."""
TOLERANCE = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1.5e-1}
"""How far a result may be from the float64 reference, over as many as 1024 steps."""
LEVELS = 16
"""Values that a weight may have: artifacts have to travel, and so they are small when compressed."""
MASK_DENSITY = 0.7
LARGE = Shape(16, 1024, 768, 768)


@dataclass(frozen=True)
class Measured:
    """A call of a layer, time-major.

    Attributes:
        shape: Its sizes.
        dtype: What it computes in.
        variant: plain, masked or hard_sigmoid.
    """

    shape: Shape
    dtype: str = "float32"
    variant: str = "plain"

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}{'' if self.variant == 'plain' else ' ' + self.variant}"

    @property
    def artifact(self) -> str:
        """The name of the artifact, which all batches and lengths share, masked or not."""
        gates = "-hard" if self.variant == "hard_sigmoid" else ""
        both = "-both" if self.shape.is_bidirectional else ""
        return f"{self.shape.features}-{self.shape.units}-{self.shape.layers}{both}-{self.dtype}{gates}"

    @cached_property
    def model(self) -> Sequential:
        """The model, with its weights."""
        shape = self.shape
        gates = "hard_sigmoid" if self.variant == "hard_sigmoid" else "sigmoid"
        layers: list[Any] = []
        for number in range(shape.layers):
            lstm = LSTM(
                shape.units,
                name=f"lstm_{number}",
                time_major=True,
                return_sequences=True,
                recurrent_activation=gates,
                dtype=DTYPES[self.dtype],
            )
            layers.append(Bidirectional(lstm, name=f"both_{number}") if shape.is_bidirectional else lstm)
        model = Sequential(layers, name="measured")
        model.build((None, None, shape.features))
        rng = np.random.default_rng(0)
        model.set_weights([_weight(rng, weight.shape) for weight in model.get_weights()])
        return model

    @property
    def checksum(self) -> str:
        """Of the weights: whether another version of NumPy draws the same."""
        digest = hashlib.sha256()
        for weight in self.model.get_weights():
            digest.update(np.ascontiguousarray(weight).tobytes())
        return digest.hexdigest()[:16]

    def inputs(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
        """The input, and the mask if there is one."""
        shape = self.shape
        rng = np.random.default_rng(1)
        x = rng.standard_normal((shape.steps, shape.batch, shape.features)).astype(np.float32)
        return x, rng.random(x.shape[:2]) < MASK_DENSITY if self.variant == "masked" else None


def _weight(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    bound = 0.1 if len(shape) == 1 else 1 / np.sqrt(shape[0])
    return (bound * (2 * rng.integers(0, LEVELS, shape) / (LEVELS - 1) - 1)).astype(np.float32)


MEASURED = (
    *(Measured(LARGE, dtype) for dtype in ("float16", "bfloat16", "float32")),
    *(Measured(LARGE, "float16", variant) for variant in ("masked", "hard_sigmoid")),
    *(Measured(replace(LARGE, batch=batch), "float16") for batch in (1, 4)),
    *(Measured(shape) for shape in ALL_SHAPES),
    *(Measured(shape, "float16") for shape in ALL_SHAPES if shape.units in (256, 512)),
    # Kernels that an open batch takes when it is large: tensor cores, and a persistent one for a wide layer.
    Measured(Shape(512, 100, 64, 64), "float16"),
    Measured(Shape(512, 100, 64, 64)),
    Measured(Shape(128, 100, 512, 512)),
)
"""All of it."""
