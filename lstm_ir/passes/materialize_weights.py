"""Pass lstm-materialize-weights: weights become the module's constants."""

import re
from dataclasses import dataclass
from itertools import chain, count

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from lstm_ir.dialect.iree_ops import GlobalLoadOp, GlobalOp
from lstm_ir.dialect.layer_ops import WeightOp
from lstm_ir.dialect.panels_op import PanelsOp
from lstm_ir.dialect.recurrence_ops import GateOp, PackOp
from lstm_ir.passes.program_rewrite import program_ops
from lstm_ir.passes.weight_expression import WeightExpression, expression_of


def symbol(text: str) -> str:
    """Return a weight's name as a symbol: letters, digits, dots and underscores."""
    return re.sub(r"[^A-Za-z0-9_.]", ".", text)


@dataclass(frozen=True)
class MaterializeWeightsPass(ModulePass):
    """Turn weights, and what gates and panels make of them, into ``util.global`` constants and their loads.

    Before: ``%K = lstm.weight "lstm/kernel"``
    After: ``util.global private @weight.lstm.kernel {lstm.weight = "lstm/kernel"}``, ``%K = util.global.load @...``

    One global per distinct weight, shared by all entry points. The values are attached, by the expression in the
    attribute ``lstm.weight``, when the module is handed to IREE.
    """

    name = "lstm-materialize-weights"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """Rewrite the module."""
        globals_: dict[WeightExpression, tuple[str, Attribute]] = {}
        roots = [inner for inner in program_ops(op) if isinstance(inner, WeightOp | GateOp | PackOp | PanelsOp)]
        for weight in roots:
            expression = expression_of(weight.results[0])
            if expression is None or not any(_is_reader(use.operation) for use in weight.results[0].uses):
                continue
            if expression not in globals_:
                taken = {name for name, _ in globals_.values()}
                globals_[expression] = (_free(f"weight.{symbol(str(expression))}", taken), weight.results[0].type)
            name, type_ = globals_[expression]
            load = GlobalLoadOp(name, type_)
            Rewriter.insert_op(load, InsertPoint.before(weight))
            for use in tuple(weight.results[0].uses):
                if _is_reader(use.operation):
                    use.operation.operands[use.index] = load.result
        for weight in reversed(roots):
            if not weight.results[0].uses:
                Rewriter.erase_op(weight)
        block = op.body.block
        for expression, (name, type_) in globals_.items():
            declared = GlobalOp(name, type_)
            declared.attributes["lstm.weight"] = expression.attribute()
            first = block.first_op
            point = InsertPoint.at_end(block) if first is None else InsertPoint.before(first)
            Rewriter.insert_op(declared, point)


def _free(name: str, taken: set[str]) -> str:
    """Return the name, numbered if names of Keras that differ have become the same symbol."""
    candidates = chain([name], (f"{name}_{number}" for number in count(1)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _is_reader(op: Operation) -> bool:
    return not isinstance(op, GateOp | PackOp | PanelsOp)
