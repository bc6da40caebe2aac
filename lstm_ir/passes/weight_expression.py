"""What a constant of the module is made of: a weight, a gate's columns of one, or several side by side."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute, SSAValue

from lstm_ir.dialect.layer_ops import WeightOp
from lstm_ir.dialect.panels_op import PanelsOp
from lstm_ir.dialect.recurrence_ops import GateOp, PackOp
from lstm_ir.dialect.shapes import shape_of
from lstm_ir.passes.kernels.panels import Panels


@dataclass(frozen=True)
class Columns:
    """Gate ``index`` of ``of`` of a weight; the whole weight if ``of`` is 1."""

    weight: str
    index: int = 0
    of: int = 1

    def __str__(self) -> str:
        return self.weight if self.of == 1 else f"{self.weight}.{self.index}of{self.of}"


@dataclass(frozen=True)
class WeightExpression:
    """Columns of weights, side by side on the last axis, as panels if a kernel reads them."""

    parts: tuple[Columns, ...]
    panels: Panels | None = None

    def __str__(self) -> str:
        whole = "+".join(str(part) for part in self.parts)
        return whole if self.panels is None else f"{whole}.panels"

    def attribute(self) -> Attribute:
        """Return the expression as an attribute, ``[["lstm/kernel", 0, 4], ...]``, panels as numbers behind."""
        parts: list[Attribute] = [
            ArrayAttr([StringAttr(p.weight), IntegerAttr(p.index, i64), IntegerAttr(p.of, i64)]) for p in self.parts
        ]
        if self.panels is not None:
            numbers = astuple(self.panels) if self.panels.paired else astuple(self.panels)[:-1]
            parts.append(ArrayAttr([IntegerAttr(number, i64) for number in numbers]))
        return ArrayAttr(parts)

    @classmethod
    def from_attribute(cls, attr: Attribute) -> "WeightExpression":
        """Read what ``attribute`` made.

        Raises:
            ValueError: If the attribute is something else.
        """
        parts, panels = [], None
        for item in attr if isinstance(attr, ArrayAttr) else ():
            match list(item) if isinstance(item, ArrayAttr) else []:
                case [StringAttr(data=name), IntegerAttr() as index, IntegerAttr() as of]:
                    parts.append(Columns(name, index.value.data, of.value.data))
                case [*numbers] if len(numbers) in (5, 6) and all(isinstance(n, IntegerAttr) for n in numbers):
                    panels = Panels(*(number.value.data for number in numbers if isinstance(number, IntegerAttr)))
                case _:
                    raise ValueError(f"not a weight expression: {attr}")
        if not parts:
            raise ValueError(f"not a weight expression: {attr}")
        return cls(tuple(parts), panels)

    def evaluate(self, weights: Mapping[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
        """Return the constant's value.

        Raises:
            KeyError: If a weight is missing.
        """
        pieces = []
        for part in self.parts:
            weight = weights[part.weight]
            width = weight.shape[-1] // part.of
            pieces.append(weight[..., part.index * width : (part.index + 1) * width])
        whole = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)
        return whole if self.panels is None else self.panels.pack(whole)


def expression_of(value: SSAValue) -> WeightExpression | None:
    """Return what a value is made of, or None if it is not made of weights alone."""
    match value.owner:
        case WeightOp() as op:
            return WeightExpression((Columns(op.weight.data),))
        case GateOp() as op:
            source = expression_of(op.packed)
            if source is None or len(source.parts) != 1 or source.parts[0].of != 1:
                return None
            return WeightExpression((Columns(source.parts[0].weight, op.index.value.data, op.of.value.data),))
        case PanelsOp() as op:
            source = expression_of(op.packed)
            if source is None or source.panels is not None:
                return None
            lanes, width = shape_of(op.result.type)[4], shape_of(op.result.type)[3]
            paired = 0 if op.paired is None else op.paired.value.data
            panels = Panels(op.gates.value.data, op.units, op.terms, lanes, width, paired)
            return WeightExpression(source.parts, panels)
        case PackOp() as op:
            sources = [expression_of(gate) for gate in op.gates]
            if None in sources:
                return None
            return WeightExpression(tuple(part for source in sources if source is not None for part in source.parts))
        case _:
            return None
