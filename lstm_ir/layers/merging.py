"""Layers that make one tensor of several: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import ArgumentError
from lstm_ir.layers.base import Layer, MaskRule
from lstm_ir.layers.graph import shape_list
from lstm_ir.layers.shapes import Shape


class Merge(Layer):
    """Merges tensors element by element; axes of length 1 are repeated, missing axes stand behind the batch.

    Its mask: in Keras 2 the steps that all masks have, inputs without one not asked; in Keras 3 the steps that any mask
    has, and none if an input has none.

    Args:
        carries_mask: whether it has a mask at all; Keras's operations on tensors, such as ``x + y``, have none.
        **kwargs: those of `Layer`.
    """

    input_count: ClassVar[int | None] = None
    operation: ClassVar[str] = ""
    """One of add, sub, mul, ave, max, min."""

    def __init__(self, *, carries_mask: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.carries_mask = bool(carries_mask)

    @property
    def mask_rule(self) -> MaskRule:
        """The mask is made of the inputs' masks."""
        return "masks" if self.carries_mask else "drop"

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | ({} if self.carries_mask else {"carries_mask": False})

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape of all inputs put together.

        Raises:
            ArgumentError: shapes that do not go together.
        """
        shapes = shape_list(input_shape)
        if self.operation == "sub" and len(shapes) != 2:
            raise ArgumentError(f"layer {self.name!r}: called on {len(shapes)} tensors, expected 2")
        result = reduce(self._together, (shape[1:] for shape in shapes))
        return (shapes[0][0], *result)

    def _together(self, first: Shape, second: Shape) -> Shape:
        if len(first) < len(second):
            first, second = second, first
        extra = len(first) - len(second)
        sizes = list(first[:extra])
        for a, b in zip(first[extra:], second, strict=True):
            if a != b and 1 not in (a, b) and None not in (a, b):
                raise ArgumentError(f"layer {self.name!r}: inputs have incompatible shapes {first} and {second}")
            sizes.append(b if a == 1 else a if b == 1 else None if None in (a, b) else a)
        return tuple(sizes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The merged mask, see the class."""
        masks = mask if isinstance(mask, (list, tuple)) else [mask]
        given = [np.asarray(m, bool) for m in masks if m is not None]
        if self.flavour == "keras3":
            return reduce(np.logical_or, given) if len(given) == len(masks) else None
        return reduce(np.logical_and, given) if given else None


class Add(Merge):
    """The sum."""

    keras_class_name: ClassVar[str] = "Add"
    auto_name_prefix: ClassVar[str] = "add"
    operation: ClassVar[str] = "add"


class Subtract(Merge):
    """The first less the second."""

    keras_class_name: ClassVar[str] = "Subtract"
    auto_name_prefix: ClassVar[str] = "subtract"
    operation: ClassVar[str] = "sub"


class Multiply(Merge):
    """The product."""

    keras_class_name: ClassVar[str] = "Multiply"
    auto_name_prefix: ClassVar[str] = "multiply"
    operation: ClassVar[str] = "mul"


class Average(Merge):
    """The mean."""

    keras_class_name: ClassVar[str] = "Average"
    auto_name_prefix: ClassVar[str] = "average"
    operation: ClassVar[str] = "ave"


class Maximum(Merge):
    """The largest."""

    keras_class_name: ClassVar[str] = "Maximum"
    auto_name_prefix: ClassVar[str] = "maximum"
    operation: ClassVar[str] = "max"


class Minimum(Merge):
    """The least."""

    keras_class_name: ClassVar[str] = "Minimum"
    auto_name_prefix: ClassVar[str] = "minimum"
    operation: ClassVar[str] = "min"


class Concatenate(Layer):
    """Tensors behind each other on an axis.

    Its mask on another axis than time: in Keras 2 the steps that all masks have, in Keras 3 those that any mask has;
    inputs without a mask have all steps. On the axis of time the masks behind each other.

    Args:
        axis: the axis; not the batch.
        carries_mask: as of `Merge`.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "Concatenate"
    auto_name_prefix: ClassVar[str] = "concatenate"
    input_count: ClassVar[int | None] = None

    def __init__(self, axis: int = -1, *, carries_mask: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.carries_mask = bool(carries_mask)
        if axis == 0:
            raise ArgumentError("axis: got 0, expected an axis other than the batch")
        self.axis = int(axis)

    @property
    def mask_rule(self) -> MaskRule:
        """The mask is made of the inputs' masks."""
        return "masks" if self.carries_mask else "drop"

    def axis_of(self, rank: int) -> int:
        """The axis, counted from 0, of inputs of this rank.

        Raises:
            ArgumentError: there is no such axis, or it is the batch.
        """
        axis = self.axis + rank if self.axis < 0 else self.axis
        if not 0 < axis < rank:
            raise ArgumentError(f"axis: layer {self.name!r} has {self.axis}, its inputs have {rank} axes")
        return axis

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape with the lengths on the axis added up.

        Raises:
            ArgumentError: other axes that differ.
        """
        shapes = shape_list(input_shape)
        axis = self.axis_of(len(shapes[0]))
        for shape in shapes[1:]:
            fits = len(shape) == len(shapes[0]) and all(
                a == b or None in (a, b) or k == axis for k, (a, b) in enumerate(zip(shape, shapes[0], strict=True))
            )
            if not fits:
                raise ArgumentError(f"layer {self.name!r}: inputs have incompatible shapes {shapes[0]} and {shape}")
        lengths = [shape[axis] for shape in shapes]
        known = [length for length in lengths if length is not None]
        total = sum(known) if len(known) == len(lengths) else None
        return tuple(total if k == axis else size for k, size in enumerate(shapes[0]))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The merged mask, see the class."""
        arrays = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        masks: Sequence[Any] = mask if isinstance(mask, (list, tuple)) else [mask]
        if all(m is None for m in masks):
            return None
        whole = [
            np.ones(np.shape(x)[:2], bool) if m is None else np.asarray(m, bool)
            for x, m in zip(arrays, masks, strict=True)
        ]
        if self.axis_of(np.ndim(arrays[0])) == 1:
            return np.concatenate(whole, axis=1)
        return reduce(np.logical_or if self.flavour == "keras3" else np.logical_and, whole)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        config = super().get_config() | {"axis": self.axis}
        return config if self.carries_mask else config | {"carries_mask": False}
