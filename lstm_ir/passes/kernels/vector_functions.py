"""What functions on vectors are made of, whatever their float: selection, polynomials, powers of two, exponents."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects import math as math_dialect
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, VectorType
from xdsl.ir import Attribute, SSAValue

from lstm_ir.passes.arithmetic import Arithmetic, Operand
from lstm_ir.passes.kernels.float_format import format_of
from lstm_ir.passes.kernels.vector_select import VectorCmpfOp, VectorSelectOp
from lstm_ir.passes.structured import ScalarBuilder

LOG2_E = 1.4426950408889634
HALF_LN2_BELOW = 0.346573
"""Just below ln(2)/2: far enough for exp(0) to be exactly 1, close enough for the largest finite result in f32."""


class VectorFunctions(Arithmetic, ABC):
    """Builds functions on vectors of one type, in terms of arithmetic that every vector unit has.

    Infinities behave as in C, NaN stays NaN, and results below the smallest normal number may be zero, as IREE's CPU
    drivers take subnormal numbers for zeros anyway. Subclasses state their errors.

    Args:
        b: Where to build.
        type_: ``vector<Nxf32>`` or ``vector<Nxf64>``, N as suits the target.
        fma: Whether the target has a fused multiply-add. Without one ``math.fma`` would call a C library.
    """

    def __init__(self, b: ScalarBuilder, type_: Attribute, fma: bool = True) -> None:
        super().__init__(b, type_)
        assert isinstance(type_, VectorType)
        self.format = format_of(type_.element_type)
        self.fused = fma
        self.integers = VectorType(self.format.integer, type_.get_shape())

    @abstractmethod
    def sigmoid(self, x: SSAValue) -> SSAValue:
        """Return 1 / (1 + e^-x)."""

    @abstractmethod
    def tanh(self, x: SSAValue) -> SSAValue:
        """Return the hyperbolic tangent, never above 1 in magnitude."""

    @abstractmethod
    def erf(self, x: SSAValue) -> SSAValue:
        """Return the error function, never above 1 in magnitude."""

    @abstractmethod
    def exp(self, x: SSAValue) -> SSAValue:
        """Return e^x. Zero where the result is below the smallest normal number."""

    @abstractmethod
    def expm1(self, x: SSAValue) -> SSAValue:
        """Return e^x - 1 with small results precise."""

    @abstractmethod
    def log1p_of_fraction(self, x: SSAValue) -> SSAValue:
        """Return log(1 + x) for x from 0 to 1; NaN stays."""

    @abstractmethod
    def _log_sum(self, e: SSAValue, f: SSAValue) -> SSAValue:
        """Return e ln 2 + log(1 + f) for f from sqrt(1/2) - 1 to sqrt(2) - 1."""

    def log(self, x: SSAValue) -> SSAValue:
        """Return the natural logarithm."""
        subnormal = self.compare(x, "olt", self.format.smallest_normal)
        exponent, mantissa = self._split(self.where(subnormal, self.mul(x, 2.0**self.format.fraction_bits), x))
        e = self._to_float(exponent)
        e = self.where(subnormal, self.sub(e, self.format.fraction_bits), e)
        return self._with_ends(x, 0.0, self._log_sum(e, self.sub(mantissa, 1.0)))

    def log1p(self, x: SSAValue) -> SSAValue:
        """Return log(1 + x) with small results precise."""
        w = self.add(x, 1.0)
        lost = self.sub(x, self.sub(w, 1.0))
        exponent, mantissa = self._split(w)
        # What rounding took of w belongs to the mantissa, scaled as that is. Nothing is lost of the largest w.
        bias = self.integer(self.format.exponent_bias)
        scale = self.b.do(arith.MinSIOp(exponent, bias))
        power = self._power_of_two(self.b.do(arith.SubiOp(bias, scale)))
        f = self.multiply_add(lost, power, self.sub(mantissa, 1.0))
        return self._identity_near_zero(x, self._with_ends(x, -1.0, self._log_sum(self._to_float(exponent), f)))

    def compare(self, x: SSAValue, how: str, y: Operand) -> SSAValue:
        """Return x ``how`` y of each lane."""
        return self.b.do(VectorCmpfOp(x, self.number(y), how))

    def where(self, test: SSAValue, then: Operand, otherwise: Operand) -> SSAValue:
        """Return ``then`` in the lanes where the test holds, else ``otherwise``."""
        return self.b.do(VectorSelectOp(test, self.number(then), self.number(otherwise)))

    def multiply_add(self, x: Operand, y: Operand, z: Operand) -> SSAValue:
        """Return x y + z, rounded once where the target can."""
        if self.fused:
            return self.b.do(math_dialect.FmaOp(self.number(x), self.number(y), self.number(z)))
        return self.add(self.mul(x, y), z)

    def horner(self, x: SSAValue, coefficients: Sequence[float]) -> SSAValue:
        """Return the sum of coefficients[n] x^n."""
        total: Operand = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            total = self.multiply_add(total, x, coefficient)
        return self.number(total)

    def round_to_power(
        self, x: SSAValue, factor: float, offset: int = 0, most: int | None = None
    ) -> tuple[SSAValue, SSAValue]:
        """Return n = x factor, rounded to an integer, and 2^(n + offset).

        n + offset must lie between minus the exponent's bias, for which the power is zero, and one more than it, for
        which it is infinity.

        Args:
            x: A vector.
            factor: A number.
            offset: Added to the exponent.
            most: A bound of n.
        """
        rounder = self.format.rounder + self.format.exponent_bias + offset
        shifted = self.multiply_add(x, factor, rounder)
        if most is not None:
            shifted = self.minimum(shifted, rounder + most)
        bits = self.b.do(arith.BitcastOp(shifted, self.integers))
        return self.sub(shifted, rounder), self._power_of_two(bits)

    def integer(self, value: int) -> SSAValue:
        """Return an integer in every lane."""
        return self.b.do(arith.ConstantOp(DenseIntOrFPElementsAttr.from_list(self.integers, [value])))

    def _power_of_two(self, biased: SSAValue) -> SSAValue:
        """Return 2^(n - bias) for an integer whose lowest bits are n, and whose next one is 0."""
        bits = self.b.do(arith.ShLIOp(biased, self.integer(self.format.fraction_bits)))
        return self.b.do(arith.BitcastOp(bits, self.type))

    def _to_float(self, n: SSAValue) -> SSAValue:
        """Return a small integer as a float."""
        bits = self.b.do(arith.AddiOp(n, self.integer(self.format.rounder_bits)))
        return self.sub(self.b.do(arith.BitcastOp(bits, self.type)), self.format.rounder)

    def _remainder(self, x: SSAValue, n: SSAValue) -> SSAValue:
        """Return x - n ln 2."""
        return self.multiply_add(n, -self.format.ln2_low, self.multiply_add(n, -self.format.ln2_high, x))

    def _split(self, x: SSAValue) -> tuple[SSAValue, SSAValue]:
        """Return the integer e and the m in [sqrt(1/2), sqrt(2)) of a normal x = 2^e m."""
        root, width = self.integer(self.format.sqrt_half_bits), self.format.fraction_bits
        bits = self.b.do(arith.BitcastOp(x, self.integers))
        above = self.b.do(arith.SubiOp(bits, root))
        exponent = self.b.do(arith.ShRSIOp(above, self.integer(width)))
        fraction = self.b.do(arith.AndIOp(above, self.integer((1 << width) - 1)))
        mantissa = self.b.do(arith.AddiOp(fraction, root))
        return exponent, self.b.do(arith.BitcastOp(mantissa, self.type))

    def _with_ends(self, x: SSAValue, pole: float, result: SSAValue) -> SSAValue:
        """Return the result with -infinity at the pole, NaN below it, and infinity and NaN for themselves."""
        result = self.where(self.compare(x, "olt", math.inf), result, x)
        result = self.where(self.compare(x, "oeq", pole), -math.inf, result)
        return self.where(self.compare(x, "olt", pole), math.nan, result)

    def _identity_near_zero(self, x: SSAValue, result: SSAValue) -> SSAValue:
        """Return x where it is small: there it is the result to the last bit, and has the sign of zero."""
        return self.where(self.compare(self.abs(x), "olt", self.format.identity_below), x, result)
