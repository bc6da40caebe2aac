"""The benchmark's own cases: shapes by batch B, steps T, features I and units U, and variants of the layer."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ir.errors import ArgumentError
from lstm_ir.layers import LSTM, Bidirectional, Layer, Sequential
from lstm_ir.tools.bench.case import Case

SMALL_BATCH = 4
"""Up to this batch a shape counts in the second geometric mean."""
_MASK_DENSITY = 0.7


@dataclass(frozen=True)
class Shape:
    """Sizes of one case.

    Attributes:
        batch: B.
        steps: T.
        features: I.
        units: U.
        layers: How many layers stand one above the other.
        is_bidirectional: Whether each is a Bidirectional.
    """

    batch: int
    steps: int
    features: int
    units: int
    layers: int = 1
    is_bidirectional: bool = False

    def __str__(self) -> str:
        sizes = f"{self.batch},{self.steps},{self.features},{self.units}"
        stacked = f" {self.layers} layers" if self.layers > 1 else ""
        return f"{sizes}{stacked}{' bidirectional' if self.is_bidirectional else ''}"


QUICK_SHAPES = (
    Shape(1, 32, 64, 64),
    Shape(1, 100, 128, 128),
    Shape(1, 100, 512, 512),
    Shape(16, 100, 128, 256),
    Shape(1, 40, 13, 37),
    Shape(1, 15, 24, 32, is_bidirectional=True),
)
ALL_SHAPES = (
    Shape(1, 32, 64, 64),
    Shape(1, 100, 128, 128),
    Shape(1, 100, 256, 256),
    Shape(1, 100, 512, 512),
    Shape(1, 50, 1024, 1024),
    Shape(4, 100, 512, 512),
    Shape(16, 100, 128, 256),
    Shape(32, 128, 512, 512),
    Shape(64, 50, 256, 256),
    Shape(32, 60, 128, 128, layers=2, is_bidirectional=True),
    Shape(1, 15, 24, 32, is_bidirectional=True),
    Shape(1, 15, 96, 32, is_bidirectional=True),
    Shape(1, 63, 24, 32, is_bidirectional=True),
    Shape(1, 63, 96, 32, is_bidirectional=True),
    Shape(1, 300, 512, 512),
    Shape(1, 40, 13, 37),
    Shape(8, 60, 30, 75),
)
STEP_SHAPES = (Shape(1, 200, 12, 32), Shape(1, 200, 64, 64), Shape(1, 200, 128, 128), Shape(1, 100, 512, 512))
"""Shapes of one step per call; T is how many calls follow each other."""

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "masked": {},
    "zero_output_for_mask": {"zero_output_for_mask": True},
    "reversed": {"go_backwards": True},
    "batch-major": {"time_major": False},
    "hard_sigmoid": {"recurrent_activation": "hard_sigmoid"},
    "relu": {"activation": "relu"},
    "training": {"dropout": 0.2, "recurrent_dropout": 0.2, "implementation": 1},
}
"""What a layer's options are in each variant, beside those of the plain one."""
MASKED = ("masked", "zero_output_for_mask")


def shapes_named(text: str) -> tuple[Shape, ...]:
    """Return the shapes of ``quick``, ``all``, or a list such as ``1,32,64,64 8,60,30,75``.

    Raises:
        ArgumentError: Neither.
    """
    if text in ("quick", "all"):
        return QUICK_SHAPES if text == "quick" else ALL_SHAPES
    shapes = []
    for item in text.split():
        if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*){3}", item):
            raise ArgumentError(
                f"--shapes: got {item!r}, expected quick, all, or shapes B,T,I,U of positive integers, as in "
                "'1,32,64,64 8,60,30,75'"
            )
        batch, steps, features, units = map(int, item.split(","))
        shapes.append(Shape(batch, steps, features, units))
    if not shapes:
        raise ArgumentError("--shapes: got nothing, expected quick, all, or shapes B,T,I,U")
    return tuple(shapes)


def suite_case(shape: Shape, variant: str = "plain", seed: int = 0) -> Case:
    """Return a shape's case.

    Sequences are time-major, as LSTM runtimes have them inside, so that nobody pays for a transpose; all steps are
    returned; the gates are sigmoids, which every runtime has.
    """
    options = {"time_major": True, "recurrent_activation": "sigmoid", "return_sequences": True} | VARIANTS[variant]
    model = Sequential([_layer(shape, k, options) for k in range(shape.layers)], name="bench")
    is_time_major = bool(options["time_major"])
    rows = (None, None)
    model.build((*rows, shape.features))
    random = np.random.default_rng(seed)
    model.set_weights([_weight(random, weight.shape) for weight in model.get_weights()])
    axes = (shape.steps, shape.batch) if is_time_major else (shape.batch, shape.steps)
    x = random.standard_normal((*axes, shape.features)).astype(np.float32)
    return Case(
        name=str(shape) if variant == "plain" else f"{shape} {variant}",
        model=model,
        x=x,
        batch=shape.batch,
        steps=shape.steps,
        mask=random.random(axes) < _MASK_DENSITY if variant in MASKED else None,
        is_training=variant == "training",
        sizes={"B": shape.batch, "T": shape.steps, "I": shape.features, "U": shape.units},
    )


def _layer(shape: Shape, position: int, options: dict[str, Any]) -> Layer:
    layer = LSTM(shape.units, name=f"lstm_{position}", **options)
    return Bidirectional(layer, name=f"both_{position}") if shape.is_bidirectional else layer


def _weight(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Draw a weight whose products stay of the size of their inputs."""
    bound = 0.1 if len(shape) == 1 else 1 / np.sqrt(shape[0])
    return random.uniform(-bound, bound, shape).astype(np.float32)
