"""Programs, operation by operation."""

from collections.abc import Sequence

import numpy as np

from lstm_ir.exporters.onnx_activations import activate
from lstm_ir.exporters.onnx_graph import BEFORE_FIRST, OnnxGraph
from lstm_ir.exporters.onnx_layers.program_recurrence import add_program_recurrence
from lstm_ir.exporters.onnx_layers.program_scan import add_program_scan
from lstm_ir.exporters.onnx_layers.program_sizes import ProgramSizes
from lstm_ir.exporters.registry import ExportCall, exports
from lstm_ir.layers.activations import Activation
from lstm_ir.layers.program import (
    Concatenate,
    Constant,
    Elementwise,
    Full,
    Gather,
    GatherElements,
    MatMul,
    Measure,
    Operation,
    Positions,
    Recurrence,
    Reduce,
    Reshape,
    Scan,
    Size,
    Slice,
    TensorProgram,
    Transpose,
    Value,
)

_OPERATORS = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "max": "Max", "min": "Min",
    "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "reciprocal": "Reciprocal",
    "erf": "Erf", "floor": "Floor", "ceil": "Ceil",
    "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "softplus": "Softplus", "softsign": "Softsign",
    "selu": "Selu", "hard_swish": "HardSwish", "sign": "Sign", "sin": "Sin", "cos": "Cos",
    "not": "Not", "and": "And", "or": "Or", "xor": "Xor",
}  # fmt: skip
_WITH_NUMBERS = {
    "elu": ("Elu", ("alpha",)),
    "leaky_relu": ("LeakyRelu", ("alpha",)),
    "hard_sigmoid": ("HardSigmoid", ("alpha", "beta")),
    "thresholded_relu": ("ThresholdedRelu", ("alpha",)),
}


@exports(TensorProgram)
def export_program(g: OnnxGraph, layer: TensorProgram, call: ExportCall) -> list[str]:
    """All operations in order."""
    program = layer.program
    names = {value: given.name for value, given in zip(program.inputs.values(), call.inputs, strict=True)}
    sizes = ProgramSizes(g, program, names)
    for operation, results in program.operations:
        inputs = [names[value] for value in operation.inputs]
        made = _add(g, sizes, operation, inputs, results)
        names.update(zip(results, made, strict=True))
    return [names[value] for value in program.outputs.values()]


def _add(
    g: OnnxGraph, sizes: ProgramSizes, operation: Operation, inputs: list[str], results: Sequence[Value]
) -> Sequence[str]:
    shape = results[0].shape
    match operation:
        case Constant():
            array = operation.array.astype(bool) if results[0].is_bool else operation.array
            return [g.constant(array, operation.name)]
        case Positions():
            bounds = [g.integers(0), g.squeeze(sizes.size(shape[0]), 0), g.integers(1)]
            return [g.cast(g.add("Range", *bounds), "int32")]
        case Full():
            (result,) = results
            dtype = np.dtype(np.int32) if result.is_integer else np.dtype(bool) if result.is_bool else g.dtype
            number = g.constant(np.asarray(operation.number, dtype), "constant")
            return [g.add("Expand", number, sizes.shape(shape)) if shape else number]
        case Measure():
            kind = "int32" if results[0].is_integer else str(g.dtype)
            return [g.reshape(g.cast(sizes.size(operation.size), kind), *(1 for _ in shape))]
        case Elementwise():
            return [_elementwise(g, sizes, operation, inputs, shape)]
        case Transpose():
            return [g.transpose(inputs[0], *operation.order)]
        case Reshape():
            return [g.add("Reshape", inputs[0], sizes.shape(shape, free_one=True))]
        case Slice():
            end = operation.start + shape[operation.axis] * operation.step
            # Before the start of the axis; -1 itself would be its last element.
            end = BEFORE_FIRST if isinstance(end, int) and end < 0 else end
            bounds = [sizes.size(size) for size in (operation.start, end, operation.axis, operation.step)]
            return [g.add("Slice", inputs[0], *bounds)]
        case Concatenate():
            return [g.add("Concat", *inputs, axis=operation.axis)]
        case Gather():
            return [g.add("Gather", *inputs, axis=operation.axis)]
        case GatherElements():
            return [g.add("GatherElements", *inputs, axis=operation.axis)]
        case MatMul():
            return [g.add("MatMul", *inputs)]
        case Reduce(kind="sum"):
            return [g.add("ReduceSum", inputs[0], g.integers(operation.axes))]
        case Reduce():
            return [g.add("ReduceMax", inputs[0], axes=list(operation.axes))]
        case Scan():
            return add_program_scan(g, operation, inputs)
        case Recurrence():

            def apply(function: Elementwise, operands: list[str]) -> str:
                return _elementwise(g, sizes, function, operands, ())

            return add_program_recurrence(g, operation, inputs, apply)
    raise AssertionError(f"no ONNX for {type(operation).__name__}")


def _elementwise(
    g: OnnxGraph, sizes: ProgramSizes, operation: Elementwise, inputs: list[str], shape: Sequence[Size]
) -> str:
    function, numbers = operation.function, operation.numbers
    x = inputs[0]
    if function in _OPERATORS:
        return g.add(_OPERATORS[function], *inputs)
    if function in _WITH_NUMBERS:
        op, attributes = _WITH_NUMBERS[function]
        return g.add(op, x, **dict(zip(attributes, numbers, strict=True)))
    if function in ("gelu", "gelu_tanh", "mish"):
        return activate(g, Activation(function), x)
    match function:
        case "softmax" | "log_softmax":
            return g.add("Softmax" if function == "softmax" else "LogSoftmax", x, axis=-1)
        case "square":
            return g.add("Mul", x, x)
        case "copy":
            return x if not shape or operation.inputs[0].shape == shape else g.add("Expand", x, sizes.shape(shape))
        case "to_float":
            return g.cast(x, str(g.dtype))
        case "equal" | "less" | "less_equal":
            return g.add({"equal": "Equal", "less": "Less", "less_equal": "LessOrEqual"}[function], *inputs)
        case "nonzero":
            return g.cast(x, "bool")
        case "where":
            return g.add("Where", *inputs)
        case "to_integer":
            return g.cast(x, "int32")
        case "clip":
            return g.add("Clip", x, *(g.floats(number) for number in numbers))
        case "affine":
            return g.add("Add", g.add("Mul", x, g.floats(numbers[0])), g.floats(numbers[1]))
        case "scaled_tanh":
            return g.add("Mul", g.add("Tanh", g.add("Mul", x, g.floats(numbers[1]))), g.floats(numbers[0]))
    raise AssertionError(f"no ONNX for {function}")
