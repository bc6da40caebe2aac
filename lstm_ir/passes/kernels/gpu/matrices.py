"""Matrices that the threads of a warp hold together, and their products on tensor cores: LLVM's intrinsics for NVIDIA.

MLIR's own ``gpu.subgroup_mma`` has no bfloat16 in IREE 3.13; its LLVM has.
"""

from collections.abc import Sequence

from xdsl.dialects import llvm
from xdsl.dialects.builtin import BFloat16Type, DenseArrayBase, Float16Type, VectorType, f16, f32, i32, i64
from xdsl.ir import Attribute, SSAValue

from lstm_ir.passes.kernels.gpu.gpu_kernel import Addressed
from lstm_ir.passes.kernels.kernel_builder import KernelBuilder
from lstm_ir.passes.structured import Size

MATRIX = 16
"""Rows and columns of every matrix."""
_INTRINSIC = f"llvm.nvvm.wmma.m{MATRIX}n{MATRIX}k{MATRIX}"
_SUMS: list[Attribute] = [f32] * 8
"""What each thread of a warp has of a matrix of f32."""
_OPERANDS: dict[type[Attribute], tuple[list[Attribute], str]] = {
    Float16Type: ([VectorType(f16, [2])] * 8, "f32.f32"),
    BFloat16Type: ([i32] * 4, "bf16"),
}
"""What each thread has of an operand, and what LLVM calls the product, by type of the operands' elements."""

Matrix = Sequence[SSAValue]
"""What a thread has of a matrix."""


class Matrices:
    """Builds matrices of 16 rows and 16 columns; all threads of a warp build the same ones.

    Args:
        b: Where to build.
        element: The type of the operands' elements, f16 or bf16; sums are f32.
    """

    def __init__(self, b: KernelBuilder, element: Attribute) -> None:
        self.b, self.element = b, element
        self._parts, self._product = _OPERANDS[type(element)]

    def zeros(self) -> Matrix:
        """Return sums of nothing."""
        return [self.b.number(0.0)] * len(_SUMS)

    def left(self, memory: Addressed, first: Size, pitch: int) -> Matrix:
        """Read a left operand, whose rows begin ``pitch`` elements apart."""
        return self._load("a", memory, first, pitch)

    def right(self, memory: Addressed, first: Size, pitch: int) -> Matrix:
        """Read a right operand, whose rows, one a term, begin ``pitch`` elements apart."""
        return self._load("b", memory, first, pitch)

    def add_product(self, left: Matrix, right: Matrix, total: Matrix) -> Matrix:
        """Return the sum of a matrix and the product of two."""
        return self._call(f"mma.row.row.{self._product}", [*left, *right, *total], _SUMS)

    def store(self, total: Matrix, memory: Addressed, first: Size, pitch: int) -> None:
        """Write sums."""
        name = f"store.d.row.stride.f32.p{memory.space}"
        self._call(name, [memory.pointer(first), *total, self._pitch(pitch)], [])

    def _load(self, operand: str, memory: Addressed, first: Size, pitch: int) -> Matrix:
        name = f"load.{operand}.row.stride.{self.element}.p{memory.space}"
        return self._call(name, [memory.pointer(first), self._pitch(pitch)], self._parts)

    def _call(self, name: str, operands: Sequence[SSAValue], parts: Sequence[Attribute]) -> Matrix:
        b = self.b
        types = [llvm.LLVMStructType.from_type_list(parts)] if parts else []
        called = b.insert(llvm.CallIntrinsicOp(f"{_INTRINSIC}.{name}", operands, types))
        return [
            b.do(llvm.ExtractValueOp(DenseArrayBase.from_list(i64, [n]), called.results[0], part))
            for n, part in enumerate(parts)
        ]

    def _pitch(self, pitch: int) -> SSAValue:
        return self.b.integer(pitch, i32)
