"""A node of an ONNX graph, its attributes and inputs checked as they are asked for."""

from pathlib import Path
from typing import Any

import numpy as np

from lstm_ir.errors import ModelFileError, UnsupportedError
from lstm_ir.importers.onnx_file import Array, array_of
from lstm_ir.layers.program import ProgramBuilder, Tensor

_KINDS: dict[int, str] = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
"""The field of an AttributeProto by its type; graphs and sparse tensors are not read."""


class Node:
    """A node with its inputs.

    Attributes:
        who: its name and operator, for messages.
        opset: the version of ONNX's operators.
        b: builds the program.
        inputs: what it reads; None for what is left out.
    """

    def __init__(
        self, proto: Any, who: str, opset: int, b: ProgramBuilder, folder: Path | None, inputs: list[Tensor | None]
    ) -> None:
        self.proto, self.who, self.opset, self.b, self.inputs = proto, who, opset, b, inputs
        self.op_type: str = proto.op_type
        self._folder = folder
        self._attributes = {attribute.name: attribute for attribute in proto.attribute}

    @property
    def name(self) -> str:
        """Its name; that of its first output if it has none."""
        return str(self.proto.name or next(filter(None, self.proto.output), self.op_type))

    def given(self, place: int) -> Tensor | None:
        """An input, None if it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def tensor(self, place: int) -> Tensor:
        """An input.

        Raises:
            ModelFileError: it is left out.
        """
        found = self.given(place)
        if found is None:
            raise ModelFileError(f"input {place} is missing")
        return found

    def known(self, place: int) -> Array | None:
        """An input that must be known ahead of time, None if it is left out.

        Raises:
            UnsupportedError: it is computed at run time.
        """
        found = self.given(place)
        if found is None or isinstance(found, np.ndarray):
            return found
        raise UnsupportedError(f"its input {self.proto.input[place]!r} is computed at run time; accepted: a constant")

    def sizes(self, place: int) -> list[Any] | None:
        """An input of sizes, as numbers or open sizes; None if it is left out."""
        array = self.known(place)
        if array is None:
            return None
        if array.dtype.kind not in "iuO":
            raise ModelFileError(f"its input {self.proto.input[place]!r} has to be integers")
        return [item if array.dtype == object else int(item) for item in array.reshape(-1)]

    def numbers(self, attribute: str, place: int) -> list[int] | None:
        """Integers that older opsets have as an attribute, and later ones as an input; None if left out."""
        found = self.get(attribute, None)
        if found is not None:
            return [int(number) for number in found]
        sizes = self.sizes(place)
        return None if sizes is None else [int(size) for size in sizes]

    def get(self, attribute: str, default: Any) -> Any:
        """An attribute, or its default.

        Raises:
            ModelFileError: its type differs from the default's.
            UnsupportedError: a graph, or a type that no accepted operator has.
        """
        if attribute not in self._attributes:
            return default
        proto = self._attributes[attribute]
        if proto.ref_attr_name or proto.type not in _KINDS:
            raise UnsupportedError(f"attribute {attribute!r}: of a kind that is not read")
        value = getattr(proto, _KINDS[proto.type])
        if proto.type == 4:
            return array_of(value, self._folder)
        if proto.type == 3:
            value = value.decode("utf-8", "replace")
        elif proto.type == 8:
            value = [item.decode("utf-8", "replace") for item in value]
        elif proto.type in (6, 7):
            value = list(value)
        if default is not None and not isinstance(value, float if isinstance(default, float) else type(default)):
            raise ModelFileError(f"attribute {attribute!r}: {value!r} is not of the kind that the operator has")
        return value

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front.

        Raises:
            ModelFileError: there is no such axis.
        """
        if not -rank <= axis < max(rank, 1):
            raise ModelFileError(f"axis {axis} of a tensor of {rank} axes")
        return axis % rank if rank else 0

    def accept_only(self, **wanted: Any) -> None:
        """Refuse attributes that have another value.

        Raises:
            UnsupportedError: naming the attribute.
        """
        for attribute, value in wanted.items():
            given = self.get(attribute, value)
            if given != value:
                raise UnsupportedError(f"attribute {attribute}={given!r}; accepted: {value!r}")
