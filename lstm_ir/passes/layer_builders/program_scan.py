"""The LSTM of programs, with peepholes, clipping and coupled gates, as a scan."""

from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import TensorType, VectorType, i8, i32
from xdsl.dialects.linalg.ops import IndexOp
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.rewriter import InsertPoint

from lstm_ir.dialect.index_maps import step_map
from lstm_ir.dialect.scan_op import ScanOp, YieldOp
from lstm_ir.dialect.shapes import accumulator_type, element_type, shape_of
from lstm_ir.layers.program import CellFunction, Full, Scan
from lstm_ir.passes.arithmetic import Arithmetic
from lstm_ir.passes.layer_builders.program_functions import build_cell_function
from lstm_ir.passes.layer_scope import LayerScope
from lstm_ir.passes.structured import ScalarBuilder

_GATES = 4


def build_scan(b: LayerScope, scan: Scan, inputs: Sequence[SSAValue]) -> list[SSAValue]:
    """Build one direction of an LSTM; returns the sequence, h and c."""
    x, kernel, recurrent, bias, h, c, *further = inputs
    batch, units = b.sizes(h)
    has_bias = not isinstance(scan.inputs[3].operation, Full)  # as it is where the model has none
    biases = [bias] if has_bias else []
    mask = _mask(b, scan, x, further.pop(0)) if scan.has_lengths else None
    states = [h, c]
    # What the cell reads beside gates and states are states that stay as they are.
    for peephole in further:
        states += b.elementwise([(peephole, (1,))], (batch, units), [b.element], lambda s, args: [args[0]])
    visited = step_map(time_major=scan.time_major, reverse=scan.is_reverse)
    first, second, _ = shape_of(x.type)
    leading = (first, second) if scan.time_major == scan.output_time_major else (second, first)
    width = shape_of(h.type)[1]
    op = ScanOp(
        scan.name,
        x,
        [kernel],
        [recurrent],
        biases,
        mask,
        states,
        _cell(scan, width, element_type(h.type)),
        input_map=visited,
        mask_map=None if mask is None else visited,
        output_map=step_map(time_major=scan.output_time_major, reverse=scan.is_reverse),
        masked_output="zero",
        output_type=TensorType(b.element, (*leading, width)),
    )
    b.insert(op)
    return [op.output, op.states[0], op.states[1]]


def _mask(b: LayerScope, scan: Scan, x: SSAValue, lengths: SSAValue) -> SSAValue:
    """Build the mask of the steps that are before the end of each row."""
    first, second, _ = b.sizes(x)
    time_axis, batch_axis = (0, 1) if scan.time_major else (1, 0)

    def is_before(s: ScalarBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        step = s.do(arith.IndexCastOp(s.do(IndexOp(time_axis)), i32))
        return [s.do(arith.ExtUIOp(s.do(arith.CmpiOp(step, args[0], "slt")), i8))]

    return b.elementwise([(lengths, (batch_axis,))], (first, second), [i8], is_before)[0]


def _cell(scan: Scan, units: int, storage: Attribute) -> Region:
    vector = VectorType(accumulator_type(storage), [units])
    peepholes = 3 if scan.has_peepholes else 0
    block = Block(arg_types=[vector] * (_GATES + 2 + peepholes))
    names = ("zi", "zf", "zc", "zo", "h", "c", "pi", "po", "pf")
    for arg, hint in zip(block.args, names, strict=False):
        arg.name_hint = hint
    zi, zf, zc, zo, _, c, *further = block.args
    b = ScalarBuilder(InsertPoint.at_end(block))
    f = Arithmetic(b, vector)

    def activated(function: CellFunction, z: SSAValue) -> SSAValue:
        limited = f.clip(z, -scan.clip, scan.clip) if scan.clip else z
        return build_cell_function(b, function.function, function.numbers, limited)

    def seen(z: SSAValue, place: int, carry: SSAValue) -> SSAValue:
        return f.add(z, f.mul(further[place], carry)) if further else z

    i = activated(scan.gate, seen(zi, 0, c))
    forget = f.sub(1.0, i) if scan.couples_forget else activated(scan.gate, seen(zf, 2, c))
    candidate = activated(scan.candidate, zc)
    new_c = f.add(f.mul(forget, c), f.mul(i, candidate))
    o = activated(scan.gate, seen(zo, 1, new_c))
    new_h = f.mul(o, build_cell_function(b, scan.carry.function, scan.carry.numbers, new_c))
    b.insert(YieldOp(new_h, new_c, *further))
    return Region(block)
