"""What ``lstm-ir verify`` feeds a model: inputs, masks and states, drawn from a seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError
from lstm_ir.layers import Masking, Model
from lstm_ir.runtime import TensorSpec

if TYPE_CHECKING:
    from lstm_ir.runtime import Module

Array = NDArray[Any]

DEFAULT_BATCH = 3
DEFAULT_TIME = 12
_MOST = 7  # the largest integer that is drawn where the model does not say


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        name: What is special about it.
        inputs: The inputs by name.
        batch: Its number of sequences.
        masks: For inputs by name, true where a step counts; empty for none.
        states: The states to start from, by name; empty for zeros.
    """

    name: str
    inputs: Mapping[str, Array]
    batch: int
    masks: Mapping[str, Array] = field(default_factory=dict)
    states: Mapping[str, Array] = field(default_factory=dict)

    @property
    def mask(self) -> Any:
        """The masks as a call takes them."""
        if not self.masks:
            return None
        return dict(self.masks) if len(self.inputs) > 1 else next(iter(self.masks.values()))


class CaseMaker:
    """Draws cases for a model and its artifact.

    Args:
        model: The model.
        module: The artifact, loaded.
        batch: Number of sequences, or None for what the artifact fixes, the model was built with, or 3.
        time: Number of steps, or None for the same, or 12. Inputs that may differ in length do.
        seed: What everything is drawn from.
        with_lengths: Make a case whose masks have every step up to a length and none behind it, which is all that some
            frameworks know of masks.

    Raises:
        ArgumentError: ``batch`` or ``time`` contradicts what the artifact fixes.
    """

    def __init__(
        self,
        model: Model,
        module: "Module",
        *,
        batch: int | None,
        time: int | None,
        seed: int,
        with_lengths: bool = False,
    ) -> None:
        self.module, self.with_lengths = module, with_lengths
        first, declared = module.inputs[0], model.inputs[0].shape
        self.batch = _size("batch", first.batch_axis, first, declared, batch, DEFAULT_BATCH)
        self.times = {
            spec.name: _size("time", spec.time_axis, spec, given.shape, time, DEFAULT_TIME) + 3 * (spec.length or 0)
            for spec, given in zip(module.inputs, model.inputs, strict=True)
        }
        # The first reader of an input decides what stands for an absent step in it.
        self.absent: dict[str, float] = {}
        for call in model.calls:
            if isinstance(call.layer, Masking) and call.inputs[0] in self.times:
                self.absent[call.inputs[0]] = float(call.layer.mask_value)
        self.random = np.random.default_rng(seed)

    def draw(self) -> list[Case]:
        """Draw the inputs, and make their cases."""
        return self.cases_of({spec.name: self._input(spec) for spec in self.module.inputs}, "random input")

    def cases_of(
        self, inputs: Mapping[str, Array], name: str, given_masks: Mapping[str, Array] | None = None
    ) -> list[Case]:
        """Make the cases of inputs: plain, with states, and with masks where the model has any.

        Args:
            inputs: The inputs by name.
            name: What to call them.
            given_masks: The masks to use, by input, or None to draw masks where the model takes them.
        """
        given = given_masks is not None
        specs = {spec.of or self.module.inputs[0].name: spec for spec in self.module.masks}
        drawn = {n: self._mask(n, spec) for n, spec in specs.items()} if given_masks is None else {}
        masks = drawn if given_masks is None else dict(given_masks)
        cases = [Case(name, inputs, self.batch)]
        if self.module.states:
            cases.append(Case(f"{name}, states", inputs, self.batch, states=self._states()))
        if masks:
            what = "mask" if given else "random mask"
            cases.append(Case(f"{name}, {what}, states", inputs, self.batch, masks, self._states()))
        if drawn and self.with_lengths:
            padded = {n: self._lengths(n, spec) for n, spec in specs.items()}
            cases.append(Case(f"{name}, random lengths, states", inputs, self.batch, padded, self._states()))
        absent = {n: value for n, value in self.absent.items() if n in inputs}
        if absent:
            changed = dict(inputs)
            for each, value in absent.items():
                spec = next(s for s in self.module.inputs if s.name == each)
                x = inputs[each]
                changed[each] = np.where(self._mask(each, spec)[..., np.newaxis], x, np.asarray(value, x.dtype))
            cases.append(Case(f"{name}, masked steps", changed, self.batch, states=self._states()))
        return cases

    def _input(self, spec: TensorSpec) -> Array:
        sizes = {spec.batch_axis: self.batch, spec.time_axis: self.times[spec.name]}
        shape = [sizes.get(axis, size) or self.times[spec.name] for axis, size in enumerate(spec.shape)]
        if spec.dtype.startswith("int"):
            return draw_integers(self.random, spec, shape, min(self.times.values()))
        return self.random.standard_normal(shape).astype(_dtype(spec))

    def _mask(self, name: str, spec: TensorSpec) -> Array:
        """Draw a mask with holes; of two or more sequences, one whole and the last without any step."""
        keep = self.random.random((self.batch, self.times[name])) < 0.7
        if self.batch > 1:
            keep[0] = True
            keep[-1] = False
        return keep.T if (spec.batch_axis or 0) > (spec.time_axis or 0) else keep

    def _lengths(self, name: str, spec: TensorSpec) -> Array:
        """Draw a mask of sequences that end somewhere, after one step or later."""
        lengths = self.random.integers(1, self.times[name] + 1, (self.batch, 1))
        keep = np.arange(self.times[name]) < lengths
        return keep.T if (spec.batch_axis or 0) > (spec.time_axis or 0) else keep

    def _states(self) -> dict[str, Array]:
        shapes = {spec: [self.batch if size is None else size for size in spec.shape] for spec in self.module.states}
        return {spec.name: self.random.uniform(-1, 1, shape).astype(_dtype(spec)) for spec, shape in shapes.items()}


def draw_integers(random: np.random.Generator, spec: TensorSpec, shape: list[int], steps: int) -> Array:
    """Draw values of an integer input: where the model sets no limit, they may be lengths of sequences: 1 to 7.

    Args:
        random: What they are drawn from.
        spec: The input.
        shape: Its shape.
        steps: How long the sequences are.
    """
    if spec.limit is not None:
        return random.integers(0, spec.limit, shape, np.int32)
    return random.integers(1, min(_MOST, steps) + 1, shape, np.int32)


def _dtype(spec: TensorSpec) -> Any:
    return np.float64 if spec.dtype == "float64" else np.float32


def _size(name: str, axis: int | None, spec: TensorSpec, declared: Any, asked: int | None, default: int) -> int:
    """Return what the artifact fixes, else what is asked for, else what the model was built with."""
    if axis is None:
        return asked or default
    fixed = spec.shape[axis]
    if fixed is not None and asked is not None and fixed != asked:
        raise ArgumentError(f"{name}: got {asked}, the artifact fixes it to {fixed}")
    size = fixed or asked or declared[axis] or default
    return max(size, spec.least_time) if name == "time" and fixed is None else size
