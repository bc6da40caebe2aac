"""The cells of Keras's recurrent layers: regions on gate vectors of one row, from gates and states to new states."""

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import VectorType
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.rewriter import InsertPoint

from lstm_ir.dialect.activation import ActivationAttr
from lstm_ir.dialect.cell_ops import CellProductOp
from lstm_ir.dialect.layer_ops import ActivateOp
from lstm_ir.dialect.scan_op import YieldOp
from lstm_ir.dialect.shapes import accumulator_type
from lstm_ir.passes.arithmetic import Arithmetic
from lstm_ir.passes.structured import ScalarBuilder

Activate = Callable[[SSAValue], SSAValue]


def lstm_cell(
    units: int, storage: Attribute, activation: ActivationAttr, recurrent_activation: ActivationAttr
) -> Region:
    """Return the LSTM cell: gates i, f, c, o and states h, c, all [U], to the new h and c.

    c' = f c + i act(zc), h' = o act(c'). Source: Gers et al. 2000, as Keras computes it.
    """
    block, m = _cell(units, storage, ("zi", "zf", "zc", "zo", "h", "c"))
    zi, zf, zc, zo, _, c = block.args
    squash, gate = _activate(m, activation), _activate(m, recurrent_activation)
    i, f, o = gate(zi), gate(zf), gate(zo)
    g = squash(zc)
    new_c = m.add(m.mul(f, c), m.mul(i, g))
    new_h = m.mul(o, squash(new_c))
    return _ended(block, m, new_h, new_c)


def gru_cell(
    units: int, storage: Attribute, activation: ActivationAttr, recurrent_activation: ActivationAttr
) -> Region:
    """Return the GRU cell that resets after the product: gates z, r, x', h' and the state h, all [U], to the new h.

    The new value's parts from the input and from the state are gates of their own, as r scales one of them:
    h = z h + (1 - z) act(x' + r h'). Source: Cho et al. 2014, in cuDNN's variant, as Keras computes it.
    """
    block, m = _cell(units, storage, ("zz", "zr", "zx", "zh", "h"))
    zz, zr, zx, zh, h = block.args
    gate = _activate(m, recurrent_activation)
    z, r = gate(zz), gate(zr)
    new = _activate(m, activation)(m.add(zx, m.mul(r, zh)))
    return _ended(block, m, m.add(m.mul(z, h), m.mul(m.sub(1.0, z), new)))


def resetting_gru_cell(
    units: int,
    storage: Attribute,
    activation: ActivationAttr,
    recurrent_activation: ActivationAttr,
    weights: SSAValue,
) -> Region:
    """Return the GRU cell that resets before the product: gates z, r, x' and the state h, all [U], to the new h.

    h = z h + (1 - z) act(x' + (r h) R), with ``weights`` R [U, U], a value outside the scan. Source: Cho et al. 2014.
    """
    block, m = _cell(units, storage, ("zz", "zr", "zx", "h"))
    zz, zr, zx, h = block.args
    gate = _activate(m, recurrent_activation)
    # z comes behind the product: IREE's code for GPUs fails where it makes two tensors for a product to read one of.
    recurrent = m.b.do(CellProductOp(m.mul(gate(zr), h), weights))
    new = _activate(m, activation)(m.add(zx, recurrent))
    z = gate(zz)
    return _ended(block, m, m.add(m.mul(z, h), m.mul(m.sub(1.0, z), new)))


def simple_cell(units: int, storage: Attribute, activation: ActivationAttr) -> Region:
    """Return the cell of SimpleRNN: one gate and the state h, [U], to the new h = act(z)."""
    block, m = _cell(units, storage, ("z", "h"))
    return _ended(block, m, _activate(m, activation)(block.args[0]))


def _cell(units: int, storage: Attribute, names: Sequence[str]) -> tuple[Block, Arithmetic]:
    vector = VectorType(accumulator_type(storage), [units])
    block = Block(arg_types=[vector] * len(names))
    for arg, hint in zip(block.args, names, strict=True):
        arg.name_hint = hint
    return block, Arithmetic(ScalarBuilder(InsertPoint.at_end(block)), vector)


def _activate(m: Arithmetic, function: ActivationAttr) -> Activate:
    return lambda z: m.b.do(ActivateOp(function, z))


def _ended(block: Block, m: Arithmetic, *states: SSAValue) -> Region:
    m.b.insert(YieldOp(*states))
    return Region(block)
