"""The activation attribute beside the layer descriptions' activations."""

import pytest
from xdsl.dialects.builtin import f32
from xdsl.utils.exceptions import VerifyException

from lstm_ir.dialect.activation import ACTIVATIONS, ROW_WISE, ActivationAttr
from lstm_ir.layers.activations import ACTIVATION_NAMES
from lstm_ir.passes.activation_math import FORMULAS


def test_the_ir_knows_exactly_what_layers_may_ask_for():
    assert set(ACTIVATION_NAMES) == ACTIVATIONS


def test_every_activation_has_a_lowering():
    assert set(FORMULAS) | ROW_WISE == ACTIVATIONS


def test_parameter():
    assert ActivationAttr.get("leaky_relu", 0.3).alpha_or(0.2) == 0.3
    assert ActivationAttr.get("leaky_relu").alpha_or(0.2) == 0.2
    assert ActivationAttr.get("leaky_relu", 0.0).alpha_or(0.2) == 0.0


@pytest.mark.parametrize("alpha", [0.1, 1e-300, -0.0, 1 / 3, 1e300])
def test_parameters_are_printed_exactly(alpha):
    text = str(ActivationAttr.get("elu", alpha))
    assert text == f"#lstm.activation<elu, {alpha!r}>"


@pytest.mark.parametrize(("kind", "alpha"), [("Tanh", None), ("", None), ("tanh", 1.0), ("softmax", 0.5)])
def test_refused(kind, alpha):
    with pytest.raises(VerifyException, match="activation"):
        ActivationAttr.get(kind, alpha).verify()


def test_types_are_not_activations():
    assert not isinstance(f32, ActivationAttr)
