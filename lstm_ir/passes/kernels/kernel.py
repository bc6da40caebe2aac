"""One hand-authored dispatch: its executable, its function, and the call that runs it."""

from collections.abc import Mapping, Sequence

from xdsl.dialects import func, tensor
from xdsl.dialects.builtin import AnyFloat, FunctionType, IndexType, MemRefType, ModuleOp
from xdsl.ir import Attribute, Block, Region, SSAValue

from lstm_ir.dialect.dispatch_ops import (
    BindingType,
    DispatchOp,
    ExecutableEndOp,
    ExecutableExportOp,
    ExecutableOp,
    ReturnOp,
    SubspanOp,
)
from lstm_ir.dialect.shapes import DYNAMIC, element_type, shape_of
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder, Place
from lstm_ir.passes.structured import Size, Tensor, TensorBuilder


class Kernel:
    """A kernel under construction, over tensors and sizes of the function that dispatches it.

    Inside, tensors are flat buffers; sizes are numbers where they are static.

    Args:
        name: Of the executable and its function.
        host: Builds at the place of the dispatch.
        lanes: Elements of a vector.
        element: The type that floats are computed in.
        reads: The tensors that it reads.
        updates: Tensors that it changes in place; they must not come from the caller.
        writes: The tensors that it makes.
        sizes: Further values of type index that it needs.
        workgroups: How many of it run.
    """

    def __init__(
        self,
        name: str,
        host: TensorBuilder,
        lanes: int,
        element: AnyFloat,
        reads: Sequence[SSAValue],
        updates: Sequence[SSAValue],
        writes: Sequence[Tensor],
        sizes: Sequence[Size],
        workgroups: Size,
    ) -> None:
        self.name, self.host, self.reads, self.updates, self.writes = name, host, reads, updates, writes
        self.workgroups = workgroups
        self._dynamic = [size for size in sizes if isinstance(size, SSAValue)]
        self._dims: list[list[SSAValue]] | None = None
        handed = [*reads, *updates]
        bindings, indices = [BindingType()] * len(handed), [IndexType()] * len(self._dynamic)
        self._types: list[Attribute] = [*bindings, *indices, *[BindingType()] * len(writes)]
        self.block = Block(arg_types=self._types)
        self.b = KernelBuilder(self.block, lanes, element)
        self.b.begin()
        dynamic = iter(self.block.args[len(handed) :])
        self.sizes: list[Size] = [next(dynamic) if isinstance(size, SSAValue) else size for size in sizes]

    def source(self, number: int, elements: Size, element: Attribute | None = None) -> Place:
        """Return the beginning of a tensor that is read.

        Args:
            number: Which one.
            elements: How many elements it has.
            element: Their type; that of the tensor if None.
        """
        return self._place(self.block.args[number], element or element_type(self.reads[number].type), elements)

    def result(self, number: int, elements: Size) -> Place:
        """Return the beginning of a tensor that is made, with its number of elements; behind those, of an update."""
        if number >= len(self.writes):
            update = number - len(self.writes)
            binding = self.block.args[len(self.reads) + update]
            return self._place(binding, element_type(self.updates[update].type), elements)
        first = len(self.block.args) - len(self.writes)
        return self._place(self.block.args[first + number], self.writes[number].element, elements)

    def _place(self, binding: SSAValue, element: Attribute, elements: Size) -> Place:
        dynamic = [elements] if isinstance(elements, SSAValue) else []
        type_ = MemRefType(element, [elements if isinstance(elements, int) else DYNAMIC])
        return Place(self.b.do(SubspanOp(binding, self.b.index(0), dynamic, type_)), 0)

    def executable(self) -> ExecutableOp:
        """Return the executable, once the kernel is built; it belongs at the top of the module."""
        self.b.insert(func.ReturnOp())
        function = func.FuncOp(self.name, FunctionType.from_lists(self._types, []), Region(self.block))
        counts = Block(arg_types=[IndexType()])
        inner = TensorBuilder.at_end(counts)
        one = inner.index(1)
        inner.insert(ReturnOp(counts.args[0], one, one))
        export = ExecutableExportOp(self.name, Region(counts))
        return ExecutableOp(self.name, Region(Block([export, ModuleOp([function]), ExecutableEndOp()])))

    def dispatch(
        self,
        at: TensorBuilder | None = None,
        instead: Mapping[SSAValue, SSAValue] | None = None,
        onto: Sequence[SSAValue] = (),
    ) -> list[SSAValue]:
        """Build a dispatch; returns the tensors that it makes, and behind them those that it updates.

        Args:
            at: Where; in front of the scan if None.
            instead: What it is handed in the place of declared sizes, and of tensors that it does not read: others of
                those that the kernel reads.
            onto: What an earlier dispatch has made, for this one to update; without it, it makes tensors of its own.
        """
        if self._dims is None:
            self._dims = [self._dynamic_dims(value) for value in (*self.reads, *self.updates)]
        given = instead or {}
        handed = [given.get(value, value) for value in (*self.reads, *self.updates)]
        dims = dict(zip((*self.reads, *self.updates), self._dims, strict=True))
        made = [] if onto else self.writes
        behind = [size for what in self.writes for size in what.dynamic]
        changed = [size for sizes in self._dims[len(self.reads) :] for size in sizes]
        # Tensors that are updated stand where the kernel expects those that it makes.
        dispatch = DispatchOp(
            self.name,
            self.name,
            [self.host.index(self.workgroups)],
            [*handed, *(given.get(size, size) for size in self._dynamic), *onto],
            [*(size for value in handed for size in dims[value]), *(behind if onto else ())],
            [*(changed if onto else behind), *(behind if onto else changed)],
            [what.type for what in made],
            updates=len(self.updates) + len(onto),
            on_device=bool(onto),
        )
        return list((at or self.host).insert(dispatch).outputs)

    def _dynamic_dims(self, value: SSAValue) -> list[SSAValue]:
        host = self.host
        axes = [axis for axis, size in enumerate(shape_of(value.type)) if size == DYNAMIC]
        return [host.do(tensor.DimOp(value, host.index(axis))) for axis in axes]
