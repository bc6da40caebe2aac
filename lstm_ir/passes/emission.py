"""Hands a target-level module to IREE: generic text, checked by IREE's own bindings, with the weights attached."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, ModuleOp, StringAttr, UnitAttr, UnregisteredOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.printer import Printer

from lstm_ir.dialect.iree_ops import GlobalOp
from lstm_ir.dialect.shapes import element_type, shape_of
from lstm_ir.errors import CompileError
from lstm_ir.passes.weight_expression import WeightExpression
from lstm_ir.passes.worker_count import NO_WRAPPER

_MLIR_TYPES = {"f16": "float16", "f32": "float32", "f64": "float64"}


class _PlainPrinter(Printer):
    """Neither indents nor counts columns, which takes longer than the text itself and helps no parser.

    An attribute is turned into text once: a kernel has thousands of types, and a dozen different ones. An op without
    regions, as nearly all are, is put together in one go.
    """

    def __init__(self, stream: io.StringIO) -> None:
        super().__init__(stream=stream, print_generic_format=True, print_debuginfo=True)
        # By identity: comparing attributes takes as long as printing them. Each is held, or its identity could return.
        self._texts: dict[int, tuple[Attribute, str]] = {}

    def print_op(self, op: Operation) -> None:
        # The tuples of uses: the views of operands and successors that an op hands out cost as much as the text.
        if op.regions or op.successor_uses or isinstance(op, UnregisteredOp):
            super().print_op(op)
            return
        results, operands, text = op.results, tuple(op.operands), self._text
        if results:
            for position, value in enumerate(results):
                if position:
                    self.print_string(", ")
                self.print_ssa_value(value)
            self.print_string(" = ")
        properties = f" <{self._dictionary_text(op.properties)}>" if op.properties else ""
        attributes = f" {self._dictionary_text(op.attributes)}" if op.attributes else ""
        read = ", ".join([self._value_text(value) for value in operands])
        types = ", ".join([text(value.type) for value in operands])
        made = text(results[0].type) if len(results) == 1 else f"({', '.join([text(value.type) for value in results])})"
        self.print_string(f'"{op.name}"({read}){properties}{attributes} : ({types}) -> {made} {text(op.location)}')

    def print_attribute(self, attribute: Attribute) -> None:
        self.print_string(self._text(attribute))

    def print_string(self, text: str, *, indent: int | None = None) -> None:
        assert self.stream is not None
        self.stream.write(text)

    def _text(self, attribute: Attribute) -> str:
        found = self._texts.get(id(attribute))
        if found is None:
            found = attribute, self._printed(lambda: super(_PlainPrinter, self).print_attribute(attribute))
            self._texts[id(attribute)] = found
        return found[1]

    def _value_text(self, value: SSAValue) -> str:
        name = self._ssa_values.get(value)
        return self._printed(lambda: self.print_ssa_value(value)) if name is None else f"%{name}"

    def _dictionary_text(self, entries: Mapping[str, Attribute]) -> str:
        if all(map(str.isidentifier, entries)):
            listed = [
                name if isinstance(value, UnitAttr) else f"{name} = {self._text(value)}"
                for name, value in entries.items()
            ]
            return f"{{{', '.join(listed)}}}"
        return self._printed(lambda: self.print_attr_dict(entries))

    def _printed(self, write: Callable[[], object]) -> str:
        """Return what a function prints."""
        outside, inside = self.stream, io.StringIO()
        self.stream = inside
        write()
        self.stream = outside
        return inside.getvalue()

    def _print_new_line(self, indent: int | None = None, print_message: bool = True) -> None:
        self.print_string("\n")


def generic_text(module: ModuleOp) -> str:
    """Return a module in MLIR's generic form with locations.

    Generic, because the custom form of some ops loses attributes (linalg.matmul its indexing maps, for one).
    """
    stream = io.StringIO()
    _PlainPrinter(stream).print_op(module)
    return stream.getvalue()


def constants(module: ModuleOp, weights: Mapping[str, npt.NDArray[Any]]) -> dict[str, tuple[npt.NDArray[Any], str]]:
    """Return the value of every global of a module, by symbol, with the global's element type."""
    values: dict[str, tuple[npt.NDArray[Any], str]] = {}
    for op in module.body.block.ops:
        if not isinstance(op, GlobalOp) or op.is_mutable is not None:
            continue
        expression = WeightExpression.from_attribute(op.attributes["lstm.weight"])
        value = np.ascontiguousarray(expression.evaluate(weights))
        if value.shape != shape_of(op.type):
            raise CompileError(f"weight {expression}: value has shape {value.shape}, the IR says {op.type}")
        values[op.sym_name.data] = (value, str(element_type(op.type)))
    return values


def emit_bytecode(
    module: ModuleOp,
    weights: Mapping[str, npt.NDArray[Any]],
    description: Mapping[str, Any] | None = None,
    device: str | None = None,
    external: Mapping[str, str] | None = None,
    *,
    keep_globals: bool = False,
) -> bytes:
    """Return the MLIR bytecode of a target-level module, verified as it is parsed.

    Args:
        module: A module at target level (lstm-check-stage{stage=target} passes).
        weights: Values of the weights by name.
        description: Attached as ``iree.reflection`` to the entry points that IREE wraps, for tools that read plain vmfb
            files.
        device: IREE's attribute of the device that the module is for; None where flags say it.
        external: IREE's attribute of each global's value, by symbol, where weights lie outside the module.
        keep_globals: Whether weights stay globals whatever reads them; else IREE may compute with their values.

    Raises:
        CompileError: If IREE's bindings refuse the module, with their message.
    """
    from iree.compiler import ir  # 0.2 s to import; only those who compile pay

    values = constants(module, weights) if external is None else {}
    if description is not None:
        reflection = DictionaryAttr({"description": StringAttr(json.dumps(description, separators=(",", ":")))})
        for op in module.body.block.ops:
            if isinstance(op, func.FuncOp) and NO_WRAPPER not in op.attributes:
                op.attributes["iree.reflection"] = reflection
    globals_ = [op for op in module.body.block.ops if isinstance(op, GlobalOp) and op.is_mutable is None]
    # The expression is ours; IREE would refuse an attribute of a dialect that it does not know.
    expressions = {op: op.attributes.pop("lstm.weight") for op in globals_}
    text = generic_text(module)
    for op, expression in expressions.items():
        op.attributes["lstm.weight"] = expression
    with ir.Context():
        try:
            parsed = ir.Module.parse(text)
            for op in parsed.body.operations:
                if op.operation.name == "util.global" and "is_mutable" not in op.attributes:
                    name = ir.StringAttr(op.attributes["sym_name"]).value
                    if external is not None:
                        value = ir.Attribute.parse(f"{external[name]} : {op.attributes['type']}")
                    else:
                        value = _dense(ir, *values[name])
                    op.attributes["initial_value"] = value
                    if keep_globals:
                        op.attributes["inlining_policy"] = ir.Attribute.parse("#util.inline.never")
            if device is not None:
                parsed.operation.attributes["hal.device.targets"] = ir.ArrayAttr.get([ir.Attribute.parse(device)])
        except ir.MLIRError as error:
            raise CompileError(f"IREE's MLIR refuses the module that we emitted: {error}") from error
        stream = io.BytesIO()
        parsed.operation.write_bytecode(stream)
    return stream.getvalue()


def stored_bytes(value: npt.NDArray[Any], element: str) -> npt.NDArray[np.uint8]:
    """Return the bytes that a global of this element type holds."""
    stored = _bfloat16_bits(value) if element == "bf16" else value.astype(_MLIR_TYPES[element])
    return np.ascontiguousarray(stored).reshape(-1).view(np.uint8)


def _dense(ir: Any, value: npt.NDArray[Any], element: str) -> Any:
    """Return an elements attribute of a global's element type."""
    if element == "bf16":
        shaped = ir.RankedTensorType.get(list(value.shape), ir.BF16Type.get(), loc=ir.Location.unknown())
        return ir.DenseElementsAttr.get(_bfloat16_bits(value).tobytes(), type=shaped)
    return ir.DenseElementsAttr.get(np.ascontiguousarray(value.astype(_MLIR_TYPES[element])))


def _bfloat16_bits(value: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Round to nearest even by hand: NumPy has no bfloat16."""
    bits = value.astype(np.float32).view(np.uint32)
    rounded = bits + 0x7FFF + ((bits >> 16) & 1)
    return np.where(np.isnan(value), 0x7FC0, rounded >> 16).astype(np.uint16)
