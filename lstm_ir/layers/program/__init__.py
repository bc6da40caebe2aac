"""Models that are graphs of tensor operations rather than of layers."""

from lstm_ir.layers.program.builder import ProgramBuilder, SameSizeError, Tensor, require_same
from lstm_ir.layers.program.layer import ProgramModel, TensorProgram, closed
from lstm_ir.layers.program.sizes import OpenSize, Size, evaluate, exact_quotient, product_of
from lstm_ir.layers.program.values import (
    CellFunction,
    Concatenate,
    Constant,
    Elementwise,
    Full,
    Gather,
    MatMul,
    Measure,
    Operation,
    Program,
    Reduce,
    Reshape,
    Scan,
    Slice,
    Transpose,
    Value,
)

__all__ = [
    "CellFunction",
    "Concatenate",
    "Constant",
    "Elementwise",
    "Full",
    "Gather",
    "MatMul",
    "Measure",
    "OpenSize",
    "Operation",
    "Program",
    "ProgramBuilder",
    "ProgramModel",
    "Reduce",
    "Reshape",
    "SameSizeError",
    "Scan",
    "Size",
    "Slice",
    "Tensor",
    "TensorProgram",
    "Transpose",
    "Value",
    "closed",
    "evaluate",
    "exact_quotient",
    "product_of",
    "require_same",
]
