"""Hand-authored dispatches: the ops of IREE's stream and flow dialects around a kernel, as IREE 3.13 spells them."""

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    IndexType,
    IntegerAttr,
    MemRefType,
    ModuleOp,
    StringAttr,
    SymbolRefAttr,
    TensorType,
)
from xdsl.ir import Attribute, Dialect, ParametrizedAttribute, Region, SSAValue, TypeAttribute
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    base,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import IsolatedFromAbove, IsTerminator, Pure, SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.shapes import DYNAMIC, shape_of


@irdl_attr_definition
class BindingType(ParametrizedAttribute, TypeAttribute):
    """A buffer that a kernel is handed: ``!stream.binding``."""

    name = "stream.binding"


@irdl_attr_definition
class DevicePromiseAttr(ParametrizedAttribute):
    """A device that IREE's flags name: ``#hal.device.promise<@name>``."""

    name = "hal.device.promise"

    device: SymbolRefAttr

    def __init__(self, device: str = "__device_0") -> None:
        super().__init__(SymbolRefAttr(device))


@irdl_op_definition
class ExecutableOp(IRDLOperation):
    """A kernel with what its caller must know: an export, and a module with the function."""

    name = "stream.executable"

    sym_name = prop_def(StringAttr)
    sym_visibility = prop_def(StringAttr)
    body = region_def("single_block")

    traits = traits_def(SymbolOpInterface(), SymbolTable(), IsolatedFromAbove())

    def __init__(self, sym_name: str, body: Region) -> None:
        super().__init__(
            properties={"sym_name": StringAttr(sym_name), "sym_visibility": StringAttr("private")}, regions=[body]
        )

    @property
    def kernels(self) -> ModuleOp:
        """The module that holds the kernel's function."""
        for op in self.body.block.ops:
            if isinstance(op, ModuleOp):
                return op
        raise VerifyException(f"stream.executable @{self.sym_name.data}: expected a module")

    def verify_(self) -> None:
        """Check that there is a module."""
        assert self.kernels is not None


@irdl_op_definition
class ExecutableExportOp(IRDLOperation):
    """A function of an executable that can be dispatched; the region turns the workload into workgroup counts."""

    name = "stream.executable.export"

    sym_name = prop_def(StringAttr)
    sym_visibility = prop_def(StringAttr)
    function_ref = prop_def(SymbolRefAttr)
    workgroup_count = region_def("single_block")

    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove())

    def __init__(self, sym_name: str, workgroup_count: Region) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(sym_name),
                "sym_visibility": StringAttr("public"),
                "function_ref": SymbolRefAttr(sym_name),
            },
            regions=[workgroup_count],
        )


@irdl_op_definition
class ExecutableEndOp(IRDLOperation):
    """The end of an executable."""

    name = "stream.executable.end"

    traits = traits_def(IsTerminator())


@irdl_op_definition
class ReturnOp(IRDLOperation):
    """Return the workgroup counts in x, y and z."""

    name = "stream.return"

    counts = var_operand_def(IndexType)

    traits = traits_def(IsTerminator())

    def __init__(self, *counts: SSAValue) -> None:
        super().__init__(operands=[counts])


@irdl_op_definition
class WorkgroupIdOp(IRDLOperation):
    """Which workgroup of its dispatch the kernel runs as."""

    name = "stream.dispatch.workgroup.id"

    dimension = prop_def(IntegerAttr)
    result = result_def(IndexType)

    traits = traits_def(Pure())

    def __init__(self, dimension: int = 0) -> None:
        super().__init__(properties={"dimension": IntegerAttr(dimension, IndexType())}, result_types=[IndexType()])


@irdl_op_definition
class SubspanOp(IRDLOperation):
    """A buffer as a memref: ``stream.binding.subspan``."""

    name = "stream.binding.subspan"

    binding = operand_def(BindingType)
    byte_offset = operand_def(IndexType)
    dynamic_dims = var_operand_def(IndexType)
    result = result_def(base(MemRefType))

    traits = traits_def(Pure())

    def __init__(
        self, binding: SSAValue, byte_offset: SSAValue, dynamic_dims: Sequence[SSAValue], type_: Attribute
    ) -> None:
        super().__init__(operands=[binding, byte_offset, dynamic_dims], result_types=[type_])


@irdl_op_definition
class DispatchOp(IRDLOperation):
    """Run an executable's kernel over tensors and indices: ``flow.dispatch``.

    Results are fresh tensors, and behind them those that the last tensor operands, ``updates`` of them, have become.
    ``on_device`` says where it runs. IREE would find out by itself, but not of a tensor that goes round a host loop: it
    would copy that, each time, in case it comes from elsewhere.
    """

    name = "flow.dispatch"

    workload = var_operand_def(IndexType)
    arguments = var_operand_def()
    argument_dims = var_operand_def(IndexType)
    result_dims = var_operand_def(IndexType)
    entry_points = prop_def(ArrayAttr)
    tied_operands = prop_def(ArrayAttr)
    outputs = var_result_def(base(TensorType))

    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(Pure())

    def __init__(
        self,
        executable: str,
        function: str,
        workload: Sequence[SSAValue],
        arguments: Sequence[SSAValue],
        argument_dims: Sequence[SSAValue],
        result_dims: Sequence[SSAValue],
        result_types: Sequence[Attribute],
        updates: int = 0,
        *,
        on_device: bool = False,
    ) -> None:
        tensors = [n for n, value in enumerate(arguments) if isinstance(value.type, TensorType)]
        tied = tensors[len(tensors) - updates :]
        super().__init__(
            operands=[workload, arguments, argument_dims, result_dims],
            properties={
                "entry_points": ArrayAttr([SymbolRefAttr(executable, [function])]),
                "tied_operands": ArrayAttr([IntegerAttr(n, IndexType()) for n in (*[-1] * len(result_types), *tied)]),
            },
            result_types=[[*result_types, *(arguments[number].type for number in tied)]],
            attributes={"stream.affinity": DevicePromiseAttr()} if on_device else {},
        )

    def verify_(self) -> None:
        """Check that every dynamic size is given."""
        for what, types, dims in (
            ("argument", [value.type for value in self.arguments], self.argument_dims),
            ("result", [value.type for value in self.outputs], self.result_dims),
        ):
            wanted = sum(shape_of(type_).count(DYNAMIC) for type_ in types if isinstance(type_, TensorType))
            if wanted != len(dims):
                raise VerifyException(f"flow.dispatch: {len(dims)} {what} sizes given, the types need {wanted}")


Stream = Dialect(
    "stream",
    [ExecutableOp, ExecutableExportOp, ExecutableEndOp, ReturnOp, WorkgroupIdOp, SubspanOp],
    [BindingType],
)
