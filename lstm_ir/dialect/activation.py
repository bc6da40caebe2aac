"""The activation attribute, ``#lstm.activation<leaky_relu, 0.3>``."""

from collections.abc import Sequence

from xdsl.dialects.builtin import Float64Type, FloatAttr, NoneAttr, StringAttr
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

ROW_WISE = frozenset({"softmax", "log_softmax"})
"""Activations that look at a whole row (the units axis); all others work element by element."""

WITH_ALPHA = frozenset({"leaky_relu", "elu"})
"""Activations with a slope or scale; the others take none."""

ACTIVATIONS = ROW_WISE | {
    "elu",
    "exponential",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_sigmoid_keras3",
    "leaky_relu",
    "linear",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "softplus",
    "softsign",
    "swish",
    "tanh",
}
"""Every activation that the IR knows, by the names of Keras (``hard_sigmoid`` is Keras 2's 0.2x + 0.5)."""


@irdl_attr_definition
class ActivationAttr(ParametrizedAttribute):
    """An activation function: its name, and its parameter where it has one.

    ``hard_sigmoid`` is clip(0.2x + 0.5, 0, 1) as in Keras 1 and 2; ``hard_sigmoid_keras3`` is relu6(x + 3) / 6.
    """

    name = "lstm.activation"

    kind: StringAttr
    alpha: FloatAttr | NoneAttr

    @classmethod
    def get(cls, kind: str, alpha: float | None = None) -> "ActivationAttr":
        """Return the attribute for an activation by its IR name."""
        return cls(StringAttr(kind), NoneAttr() if alpha is None else FloatAttr(alpha, Float64Type()))

    @property
    def is_row_wise(self) -> bool:
        """Whether one element of the result depends on the whole units axis."""
        return self.kind.data in ROW_WISE

    def alpha_or(self, default: float) -> float:
        """Return the parameter, or Keras's default where the attribute carries none."""
        return self.alpha.value.data if isinstance(self.alpha, FloatAttr) else default

    def verify(self) -> None:
        """Refuse names that the IR does not know, and parameters that a function does not take."""
        kind = self.kind.data
        if kind not in ACTIVATIONS:
            raise VerifyException(f"activation {kind!r} is not known; accepted: {', '.join(sorted(ACTIVATIONS))}")
        if isinstance(self.alpha, FloatAttr) and kind not in WITH_ALPHA:
            raise VerifyException(f"activation {kind!r} takes no parameter, got {self.alpha.value.data}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        """Parse ``<name>`` or ``<name, alpha>``."""
        with parser.in_angle_brackets():
            kind = StringAttr(parser.parse_identifier("activation name"))
            alpha: FloatAttr | NoneAttr = NoneAttr()
            if parser.parse_optional_punctuation(",") is not None:
                alpha = FloatAttr(float(parser.parse_number(allow_boolean=False)), Float64Type())
        return (kind, alpha)

    def print_parameters(self, printer: Printer) -> None:
        """Print what ``parse_parameters`` reads."""
        with printer.in_angle_brackets():
            printer.print_string(self.kind.data)
            if isinstance(self.alpha, FloatAttr):
                printer.print_string(f", {self.alpha.value.data!r}")
