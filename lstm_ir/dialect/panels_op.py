"""Recurrence level: weights in the order in which a kernel reads them."""

from xdsl.dialects.builtin import IntegerAttr, TensorType, bf16, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.shapes import DYNAMIC, check_element, element_type, shape_of


@irdl_op_definition
class PanelsOp(IRDLOperation):
    """Packed gates [K, G U], or a bias [G U], as panels [tiles, groups, depth, width, lanes] for a kernel's inner loop.

    Element (tile, group, k, gate, lane) is row k of gate ``group width + gate``, unit ``tile lanes + lane``; zero where
    that is padding. Where ``paired`` is given, the elements of each two runs of so many lanes alternate in memory.
    """

    name = "lstm.panels"

    packed = operand_def(base(TensorType))
    gates = prop_def(IntegerAttr)
    paired = opt_prop_def(IntegerAttr)
    result = result_def(base(TensorType))

    irdl_options = (ParsePropInAttrDict(),)
    traits = traits_def(Pure())
    assembly_format = "$packed attr-dict `:` type($packed) `->` type($result)"

    def __init__(
        self, packed: SSAValue, gates: int, shape: tuple[int, ...], element: Attribute, paired: int = 0
    ) -> None:
        super().__init__(
            operands=[packed],
            properties={"gates": IntegerAttr(gates, i64), "paired": IntegerAttr(paired, i64) if paired else None},
            result_types=[TensorType(element, shape)],
        )

    @property
    def terms(self) -> int:
        """K, the rows of the packed gates; 0 for a bias."""
        return shape_of(self.packed.type)[0] if len(shape_of(self.packed.type)) > 1 else 0

    @property
    def units(self) -> int:
        """U, the columns of a gate."""
        return shape_of(self.packed.type)[-1] // self.gates.value.data

    def verify_(self) -> None:
        """Check that the panels hold the weight."""
        shape = shape_of(self.result.type)
        gates = self.gates.value.data
        rank = len(shape_of(self.packed.type))
        if rank not in (1, 2) or gates < 1:
            raise VerifyException(
                f"lstm.panels: expected a bias [G U] or a weight [K, G U] and gates, got rank {rank} and {gates} gates"
            )
        if DYNAMIC in (*shape, *shape_of(self.packed.type)):
            raise VerifyException(f"lstm.panels: {self.packed.type} to {self.result.type} has dynamic sizes")
        if element_type(self.result.type) != bf16:
            check_element("lstm.panels", "result", self.result.type, element_type(self.packed.type))
        if self.paired is not None:
            check_element("lstm.panels", "paired result", self.result.type, bf16)
            if shape[3] * shape[4] % (2 * self.paired.value.data):
                raise VerifyException(f"lstm.panels: {self.paired.value.data} lanes do not pair in {self.result.type}")
        if shape_of(self.packed.type)[-1] % gates:
            raise VerifyException(f"lstm.panels: {self.packed.type} does not hold {gates} gates side by side")
        if len(shape) != 5 or shape[1] * shape[3] != gates or shape[2] < self.terms or shape[0] * shape[4] < self.units:
            raise VerifyException(f"lstm.panels: {self.packed.type} with {gates} gates does not fit {self.result.type}")
