"""What constants are made of, and their values."""

import numpy as np
import pytest
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, i64

from lstm_ir.dialect.layer_ops import WeightOp
from lstm_ir.dialect.panels_op import PanelsOp
from lstm_ir.dialect.recurrence_ops import GateOp, PackOp
from lstm_ir.passes.kernels.panels import Panels
from lstm_ir.passes.weight_expression import Columns, WeightExpression, expression_of

WEIGHTS = {"a": np.arange(24.0).reshape(3, 8), "b": np.arange(8.0)}


@pytest.fixture
def values(parse_module):
    module = parse_module(
        """func.func @f(%x: tensor<3x8xf32>) {
  %a = lstm.weight "a" : tensor<3x8xf32>
  %g3 = lstm.gate %a {index = 3 : i64, of = 4 : i64} : tensor<3x8xf32> -> tensor<3x2xf32>
  %g0 = lstm.gate %a {index = 0 : i64, of = 4 : i64} : tensor<3x8xf32> -> tensor<3x2xf32>
  %p = lstm.pack %g3, %g0 : tensor<3x2xf32>, tensor<3x2xf32> -> tensor<3x4xf32>
  %q = lstm.pack %p, %a : tensor<3x4xf32>, tensor<3x8xf32> -> tensor<3x12xf32>
  %gg = lstm.gate %g0 {index = 1 : i64, of = 2 : i64} : tensor<3x2xf32> -> tensor<3x1xf32>
  %gp = lstm.gate %p {index = 1 : i64, of = 2 : i64} : tensor<3x4xf32> -> tensor<3x2xf32>
  %gx = lstm.gate %x {index = 1 : i64, of = 2 : i64} : tensor<3x8xf32> -> tensor<3x4xf32>
  %px = lstm.pack %a, %x : tensor<3x8xf32>, tensor<3x8xf32> -> tensor<3x16xf32>
  %b = lstm.weight "b" : tensor<8xf32>
  %ap = lstm.panels %a {gates = 4 : i64} : tensor<3x8xf32> -> tensor<1x2x4x2x4xf32>
  %bp = lstm.panels %b {gates = 4 : i64} : tensor<8xf32> -> tensor<1x1x1x4x4xf32>
  %pp = lstm.panels %p {gates = 2 : i64} : tensor<3x4xf32> -> tensor<1x2x4x1x8xf32>
  %rp = lstm.panels %a {gates = 4 : i64, paired = 4 : i64} : tensor<3x8xf32> -> tensor<1x2x4x2x4xbf16>
  %xp = lstm.panels %x {gates = 4 : i64} : tensor<3x8xf32> -> tensor<1x2x4x2x4xf32>
  func.return
}"""
    )
    ops = [op for op in module.walk() if isinstance(op, WeightOp | GateOp | PackOp | PanelsOp)]
    return {op.results[0].name_hint: op.results[0] for op in ops}


A = WEIGHTS["a"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a", "a", A),
        ("g3", "a.3of4", A[:, 6:]),
        ("p", "a.3of4+a.0of4", np.concatenate([A[:, 6:], A[:, :2]], axis=1)),
        ("q", "a.3of4+a.0of4+a", np.concatenate([A[:, 6:], A[:, :2], A], axis=1)),
        ("ap", "a.panels", Panels(4, 2, 3, 4, 2).pack(A)),
        ("rp", "a.panels", Panels(4, 2, 3, 4, 2, 4).pack(A)),
        ("bp", "b.panels", Panels(4, 2, 0, 4, 4).pack(WEIGHTS["b"])),
        ("pp", "a.3of4+a.0of4.panels", Panels(2, 2, 3, 8, 1).pack(np.concatenate([A[:, 6:], A[:, :2]], axis=1))),
    ],
)
def test_made_of_weights(values, name, text, expected):
    expression = expression_of(values[name])
    assert str(expression) == text
    np.testing.assert_array_equal(expression.evaluate(WEIGHTS), expected)
    assert expression.evaluate(WEIGHTS).shape == tuple(values[name].type.get_shape())
    assert WeightExpression.from_attribute(expression.attribute()) == expression


@pytest.mark.parametrize("name", ["gg", "gp", "gx", "px", "xp"])
def test_not_made_of_whole_gates_of_weights(values, name):
    assert expression_of(values[name]) is None


def test_panels_of_columns_are_another_expression():
    columns = (Columns("a"),)
    panels = Panels(4, 2, 3, 4, 2)
    expression = WeightExpression(columns, panels)
    assert expression != WeightExpression(columns)
    assert expression != WeightExpression(columns, Panels(4, 2, 3, 8, 2))
    assert expression != WeightExpression(columns, Panels(4, 2, 3, 4, 2, 4))
    assert WeightExpression.from_attribute(expression.attribute()).panels == panels
    assert WeightExpression.from_attribute(WeightExpression(columns).attribute()).panels is None


def test_vectors_are_cut_along_their_only_axis():
    expression = WeightExpression((Columns("b", 1, 4),))
    assert expression.evaluate(WEIGHTS).tolist() == [2.0, 3.0]


def test_missing_weight():
    with pytest.raises(KeyError, match="nowhere"):
        WeightExpression((Columns("nowhere"),)).evaluate(WEIGHTS)


NUMBERS = [IntegerAttr(number, i64) for number in (4, 2, 3, 4, 2)]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [StringAttr("a")],
        [ArrayAttr([])],
        [ArrayAttr([StringAttr("a")])],
        # Panels, but of nothing; and too few numbers.
        [ArrayAttr(NUMBERS)],
        [ArrayAttr([StringAttr("a"), *NUMBERS[:2]]), ArrayAttr(NUMBERS[:4])],
    ],
)
def test_attribute_that_is_none(items):
    with pytest.raises(ValueError, match="not a weight expression"):
        WeightExpression.from_attribute(ArrayAttr(items))
