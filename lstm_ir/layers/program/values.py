"""The tensors of a program and the operations that make them.

A program is what models are read as that are graphs of tensor operations rather than of layers. Its operations are few:
what a format offers beyond them is put together from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.layers.program.sizes import Size

Shape = tuple[Size, ...]


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor; each is itself alone.

    Attributes:
        shape: its sizes.
        is_integer: whether it holds int32; else it holds the program's floats.
        is_bool: whether its floats are 0 and 1 and stand for false and true.
        operation: what makes it; None of an input.
        result: which result of the operation it is.
    """

    shape: Shape
    is_integer: bool = False
    operation: "Operation | None" = None
    result: int = 0
    is_bool: bool = False

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)


@dataclass(frozen=True, eq=False)
class Operation:
    """Something that makes tensors of tensors.

    Attributes:
        inputs: what it reads.
    """

    inputs: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class Constant(Operation):
    """An array of the model.

    Attributes:
        name: its name among the program's weights.
        array: its value, floats or int32.
    """

    name: str
    array: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Full(Operation):
    """One number everywhere."""

    number: float


@dataclass(frozen=True, eq=False)
class Measure(Operation):
    """A size as a float or an integer, a tensor of one element."""

    size: Size


@dataclass(frozen=True, eq=False)
class Positions(Operation):
    """The integers 0, 1, 2 ..., as many as the result, a vector, has elements."""


@dataclass(frozen=True, eq=False)
class Elementwise(Operation):
    """A function of single elements; inputs are broadcast as NumPy does it.

    Attributes:
        function: a name of `FUNCTIONS`.
        numbers: parameters of the function, see there.
    """

    function: str
    numbers: tuple[float, ...] = ()


FUNCTIONS: Mapping[str, int] = {
    "add": 2, "sub": 2, "mul": 2, "div": 2, "pow": 2, "max": 2, "min": 2,
    "neg": 1, "abs": 1, "exp": 1, "log": 1, "sqrt": 1, "reciprocal": 1, "erf": 1, "floor": 1, "ceil": 1,
    "square": 1, "copy": 1, "to_float": 1, "to_integer": 1,
    "tanh": 1, "sigmoid": 1, "relu": 1, "softplus": 1, "softsign": 1, "selu": 1, "gelu": 1, "gelu_tanh": 1,
    "mish": 1, "sign": 1, "sin": 1, "cos": 1,
    "equal": 2, "less": 2, "less_equal": 2,                    # of floats or of integers, to 0 and 1
    "nonzero": 1, "not": 1, "and": 2, "or": 2, "xor": 2,       # to 0 and 1
    "where": 3,                                                # the second where the first is not 0, else the third
    "elu": 1,           # alpha
    "leaky_relu": 1,    # alpha
    "hard_sigmoid": 1,  # alpha, beta: clip(alpha x + beta, 0, 1)
    "hard_swish": 1,    # x clip(x / 6 + 1/2, 0, 1)
    "clip": 1,          # lowest, highest
    "affine": 1,        # alpha, beta: alpha x + beta
    "scaled_tanh": 1,   # alpha, beta: alpha tanh(beta x)
    "thresholded_relu": 1,  # alpha: x where it is more, else 0
}  # fmt: skip
"""How many inputs the functions of `Elementwise` take; behind them what their numbers are."""

TO_BOOL = frozenset(["equal", "less", "less_equal", "nonzero", "not", "and", "or", "xor"])
"""The functions whose results are 0 and 1 and stand for false and true."""
ON_INTEGERS = frozenset(["add", "sub", "max", "min", "neg", "where", "equal", "less", "less_equal", "nonzero"])
"""The functions that take integers too."""


@dataclass(frozen=True, eq=False)
class Transpose(Operation):
    """Axes in another order: axis k of the result is ``order[k]`` of the input."""

    order: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Reshape(Operation):
    """The same elements in another shape, that of the result."""


@dataclass(frozen=True, eq=False)
class Slice(Operation):
    """A range of one axis: elements start, start + step, ... as many as the result has."""

    axis: int
    start: Size
    step: int = 1


@dataclass(frozen=True, eq=False)
class Concatenate(Operation):
    """Tensors one behind the other on an axis."""

    axis: int


@dataclass(frozen=True, eq=False)
class Gather(Operation):
    """Slices of the first input along an axis, picked by the integers of the second, which may count from the end.

    Of an axis of an open size, a place that is not there gives NaN.
    """

    axis: int


@dataclass(frozen=True, eq=False)
class GatherElements(Operation):
    """Elements of the first input, each at its own place but along an axis, where the second says which.

    Places may be counted from the end; of an axis of an open size, one that is not there gives NaN.
    """

    axis: int


@dataclass(frozen=True, eq=False)
class MatMul(Operation):
    """The product [..., M, K] [..., K, N] of two tensors of one rank; leading axes of 1 are repeated."""


@dataclass(frozen=True, eq=False)
class Reduce(Operation):
    """The ``sum`` or ``max`` along axes, which stay with size 1."""

    kind: str
    axes: tuple[int, ...]


@dataclass(frozen=True)
class CellFunction:
    """An activation of a cell: a function of `FUNCTIONS` of one input, and its numbers."""

    function: str
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Scan(Operation):
    """One direction of an LSTM; the results are the sequence, laid out as x or the other way, and the last h and c.

    With gates i, f, c, o side by side, one step is ``z = x K + h R + b``; with peepholes zi += p_i c, zf += p_f c,
    zo += p_o c'. i = f(zi), f = f(zf) or 1 - i, o = f(zo), c' = f c + i g(zc), h' = o h(c').
    Source: the operator LSTM of ONNX.

    Attributes:
        name: its name in reports.
        inputs: x [T, B, I] ([B, T, I] if not ``time_major``), K [I, 4U], R [U, 4U], b [4U], h [B, U], c [B, U]; then,
            if there are ``has_lengths``, int32 [B]: steps from there on give zeros and leave the states; then, if there
            are ``has_peepholes``, p_i, p_o, p_f, each [U].
        output_time_major: the same of the sequence, [T, B, U] or [B, T, U].
        is_reverse: whether it goes from the last step to the first; the sequence stays in the input's order.
        gate: f, of the gates.
        candidate: g, of the candidate.
        carry: h, of the carry.
        clip: bounds all that the activations are applied to; 0 is none.
        couples_forget: whether the forget gate is one minus the input gate.
    """

    name: str
    time_major: bool
    output_time_major: bool
    is_reverse: bool
    gate: CellFunction
    candidate: CellFunction
    carry: CellFunction
    clip: float = 0.0
    couples_forget: bool = False
    has_lengths: bool = False
    has_peepholes: bool = False


@dataclass(frozen=True, eq=False)
class Program:
    """Inputs, operations in order, outputs.

    Attributes:
        name: its name.
        inputs: the inputs by name.
        operations: each behind those whose values it reads; with the values that it makes.
        outputs: the outputs by name.
        batch: the name of the open size that is the batch; None where the batch is fixed.
        batch_axes: the axis of the batch of inputs and outputs by name, where they have one.
        limits: of inputs of integers, how many there are to choose from, where that is known.
    """

    name: str
    inputs: Mapping[str, Value]
    operations: tuple[tuple[Operation, tuple[Value, ...]], ...]
    outputs: Mapping[str, Value]
    batch: str | None = None
    batch_axes: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def constants(self) -> dict[str, NDArray[Any]]:
        """The arrays of the program by name."""
        return {operation.name: operation.array for operation, _ in self.operations if isinstance(operation, Constant)}

    @property
    def dtype(self) -> str:
        """NumPy's name of the floats that it computes in."""
        kinds = {str(array.dtype) for array in self.constants.values() if array.dtype.kind == "f"}
        assert len(kinds) <= 1
        return kinds.pop() if kinds else str(np.dtype(np.float32))
