"""What kernels for GPUs say beside ordinary code, as IREE 3.13 spells it: threads, and the memory that they share.

xDSL's classes of these names print what MLIR does not read.
"""

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, IndexType, IntAttr
from xdsl.ir import ParametrizedAttribute
from xdsl.irdl import IRDLOperation, irdl_attr_definition, irdl_op_definition, prop_def, result_def, traits_def
from xdsl.printer import Printer
from xdsl.traits import Pure


@irdl_attr_definition
class WorkgroupMemoryAttr(ParametrizedAttribute):
    """The memory that the threads of a workgroup share: ``#gpu.address_space<workgroup>``."""

    name = "gpu.address_space"

    def print_parameters(self, printer: Printer) -> None:
        """Print what stands behind the name."""
        printer.print_string("<workgroup>")


@irdl_attr_definition
class FirstDimensionAttr(ParametrizedAttribute):
    """The dimension x of a workgroup: ``#gpu.dim<x>``."""

    name = "gpu.dim"

    def print_parameters(self, printer: Printer) -> None:
        """Print what stands behind the name."""
        printer.print_string("<x>")


@irdl_attr_definition
class WorkgroupScopeAttr(ParametrizedAttribute):
    """All threads of a workgroup: ``#gpu.barrier_scope<workgroup>``."""

    name = "gpu.barrier_scope"

    def print_parameters(self, printer: Printer) -> None:
        """Print what stands behind the name."""
        printer.print_string("<workgroup>")


@irdl_op_definition
class ThreadIdOp(IRDLOperation):
    """Which thread of its workgroup runs."""

    name = "gpu.thread_id"

    dimension = prop_def(FirstDimensionAttr)
    result = result_def(IndexType)

    traits = traits_def(Pure())

    def __init__(self) -> None:
        super().__init__(properties={"dimension": FirstDimensionAttr()}, result_types=[IndexType()])


@irdl_op_definition
class BarrierOp(IRDLOperation):
    """Wait for all threads of the workgroup, and see what they wrote to memory before."""

    name = "gpu.barrier"

    scope = prop_def(WorkgroupScopeAttr)

    def __init__(self) -> None:
        super().__init__(properties={"scope": WorkgroupScopeAttr()})


@irdl_attr_definition
class TranslationInfoAttr(ParametrizedAttribute):
    """How IREE compiles a kernel: as it is, by threads of a workgroup in x, y and z."""

    name = "iree_codegen.translation_info"

    workgroup_size: ArrayAttr[IntAttr]

    def __init__(self, workgroup_size: Sequence[int]) -> None:
        super().__init__(ArrayAttr([IntAttr(size) for size in workgroup_size]))

    def print_parameters(self, printer: Printer) -> None:
        """Print what stands behind the name."""
        sizes = ", ".join(str(size.data) for size in self.workgroup_size)
        printer.print_string(f"<pipeline = #iree_codegen.no_pipeline workgroup_size = [{sizes}]>")
