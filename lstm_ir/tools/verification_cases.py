"""What ``lstm-ir verify`` feeds a model: inputs, masks and states, drawn from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError
from lstm_ir.layers import Masking, Model
from lstm_ir.runtime import TensorSpec

Array = NDArray[Any]

DEFAULT_BATCH = 3
DEFAULT_TIME = 12


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        name: What is special about it.
        x: The input.
        batch: Its number of sequences.
        mask: True where a step counts, or None.
        states: The states to start from, by name; empty for zeros.
    """

    name: str
    x: Array
    batch: int
    mask: Array | None = None
    states: dict[str, Array] = field(default_factory=dict)


class CaseMaker:
    """Draws cases for a model and its artifact.

    Args:
        model: The model.
        spec: Of the artifact's input.
        mask: Of the mask, or None.
        states: Of the states.
        batch: Number of sequences, or None for what the artifact fixes, the model was built with, or 3.
        time: Number of steps, or None for the same, or 12.
        seed: What everything is drawn from.

    Raises:
        ArgumentError: ``batch`` or ``time`` contradicts what the artifact fixes.
    """

    def __init__(
        self,
        model: Model,
        spec: TensorSpec,
        mask: TensorSpec | None,
        states: Sequence[TensorSpec],
        *,
        batch: int | None,
        time: int | None,
        seed: int,
    ) -> None:
        self.layers, self.spec, self.mask, self.states = model.layers, spec, mask, states
        self.batch = _size("batch", spec.batch_axis, spec, model, batch, DEFAULT_BATCH)
        self.time = _size("time", spec.time_axis, spec, model, time, DEFAULT_TIME)
        self.random = np.random.default_rng(seed)

    def draw(self) -> list[Case]:
        """Draw the input, and make its cases."""
        sizes = {self.spec.batch_axis: self.batch, self.spec.time_axis: self.time}
        shape = [sizes.get(axis, size) or self.time for axis, size in enumerate(self.spec.shape)]
        return self.cases_of(self.random.standard_normal(shape).astype(self._dtype), "random input")

    def cases_of(self, x: Array, name: str, mask: Array | None = None) -> list[Case]:
        """Make the cases of an input: plain, with states, and with masks where the model has any.

        Args:
            x: The input.
            name: What to call it.
            mask: The one mask to use, or None to draw one where the model takes one.
        """
        given = mask is not None
        if mask is None and self.mask is not None:
            mask = self._random_mask()
        cases = [Case(name, x, self.batch)]
        if self.states:
            cases.append(Case(f"{name}, states", x, self.batch, states=self._random_states()))
        if mask is not None:
            what = "mask" if given else "random mask"
            cases.append(Case(f"{name}, {what}, states", x, self.batch, mask, self._random_states()))
        masking = next((layer for layer in self.layers if isinstance(layer, Masking)), None)
        if masking is not None and self.spec.time_axis is not None:
            absent = np.where(self._random_mask()[..., np.newaxis], x, np.asarray(masking.mask_value, x.dtype))
            cases.append(Case(f"{name}, masked steps", absent, self.batch, states=self._random_states()))
        return cases

    @property
    def _dtype(self) -> Any:
        return np.float64 if self.spec.dtype == "float64" else np.float32

    def _random_mask(self) -> Array:
        """Draw a mask with holes; of two or more sequences, one whole and the last without any step."""
        keep = self.random.random((self.batch, self.time)) < 0.7
        if self.batch > 1:
            keep[0] = True
            keep[-1] = False
        return keep.T if (self.spec.batch_axis or 0) > (self.spec.time_axis or 0) else keep

    def _random_states(self) -> dict[str, Array]:
        shapes = {spec.name: [self.batch if size is None else size for size in spec.shape] for spec in self.states}
        return {name: self.random.uniform(-1, 1, shape).astype(self._dtype) for name, shape in shapes.items()}


def _size(name: str, axis: int | None, spec: TensorSpec, model: Model, asked: int | None, default: int) -> int:
    """Return what the artifact fixes, else what is asked for, else what the model was built with."""
    if axis is None:
        return asked or default
    fixed = spec.shape[axis]
    if fixed is not None and asked is not None and fixed != asked:
        raise ArgumentError(f"{name}: got {asked}, the artifact fixes it to {fixed}")
    return fixed or asked or model.inputs[0].shape[axis] or default
