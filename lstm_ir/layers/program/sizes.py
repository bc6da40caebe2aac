"""Sizes that are known at run time only: polynomials of the open sizes of a program's inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lstm_ir.errors import UnsupportedError

Terms = tuple[tuple[tuple[str, ...], int], ...]


class Quotient(str):
    """An open size that is another one divided by a number and rounded down; its text names it among the others.

    Attributes:
        dividend: the other one, not negative.
        divisor: the number.
    """

    __slots__ = ("dividend", "divisor")

    dividend: "OpenSize"
    divisor: int

    def __new__(cls, dividend: "OpenSize", divisor: int) -> "Quotient":
        """Name the quotient by what it is."""
        made = super().__new__(cls, f"(({dividend}) // {divisor})")
        made.dividend, made.divisor = dividend, divisor
        return made


@dataclass(frozen=True)
class OpenSize:
    """A sum of products of open sizes, such as ``2 * batch * time + 1``; never a plain number.

    Attributes:
        terms: products (names, sorted) and their factors, sorted, without zeros.
    """

    terms: Terms

    @classmethod
    def named(cls, name: str) -> "OpenSize":
        """The open size of this name."""
        return cls((((name,), 1),))

    @property
    def name(self) -> str | None:
        """Its name if it is an open size itself, of an input; else None."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            name = self.terms[0][0][0]
            return None if isinstance(name, Quotient) else name
        return None

    def __add__(self, other: "Size") -> "Size":
        terms = dict(self.terms)
        for product, factor in _terms(other):
            terms[product] = terms.get(product, 0) + factor
        return _simplest(terms)

    def __mul__(self, other: "Size") -> "Size":
        terms: dict[tuple[str, ...], int] = {}
        for mine, factor in self.terms:
            for theirs, times in _terms(other):
                product = tuple(sorted(mine + theirs))
                terms[product] = terms.get(product, 0) + factor * times
        return _simplest(terms)

    def __neg__(self) -> "Size":
        return self * -1

    def __sub__(self, other: "Size") -> "Size":
        return self + -other

    def __rsub__(self, other: int) -> "Size":
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: "Size") -> "Size":
        return exact_quotient(self, other)

    def __rfloordiv__(self, other: int) -> "Size":
        return exact_quotient(other, self)

    def __str__(self) -> str:
        return " + ".join(
            "*".join(([] if factor == 1 and product else [str(factor)]) + list(product))
            for product, factor in self.terms
        )


Size = int | OpenSize
"""A number, or an open size."""


def exact_quotient(dividend: Size, divisor: Size) -> Size:
    """Return dividend / divisor.

    Raises:
        UnsupportedError: it is not known to be a whole number.
    """
    if isinstance(dividend, int) and isinstance(divisor, int):
        if divisor != 0 and dividend % divisor == 0:
            return dividend // divisor
    elif dividend == 0:
        return 0
    else:
        theirs = _terms(divisor)
        if len(theirs) == 1:
            found: dict[tuple[str, ...], int] = {}
            for mine, factor in _terms(dividend):
                rest = list(mine)
                for name in theirs[0][0]:
                    if name not in rest:
                        break
                    rest.remove(name)
                else:
                    if factor % theirs[0][1] == 0:
                        found[tuple(rest)] = factor // theirs[0][1]
                        continue
                break
            else:
                return _simplest(found)
    raise UnsupportedError(f"the size ({dividend}) / ({divisor}) is not known to be a whole number")


def rounded_quotient(dividend: Size, divisor: int) -> Size:
    """Return dividend / divisor rounded down; the dividend is not negative."""
    if isinstance(dividend, int):
        return dividend // divisor
    if all(factor % divisor == 0 for product, factor in dividend.terms if product):
        whole = _simplest({product: factor // divisor for product, factor in dividend.terms if product})
        return whole + sum(factor for product, factor in dividend.terms if not product) // divisor
    return OpenSize((((Quotient(dividend, divisor),), 1),))


def evaluate(size: Size, known: Mapping[str, int]) -> int | None:
    """Return a size's number where all open sizes in it are known, else None."""
    if isinstance(size, int):
        return size
    total = 0
    for product, factor in size.terms:
        for name in product:
            number = known.get(name)
            if isinstance(name, Quotient):
                dividend = evaluate(name.dividend, known)
                number = None if dividend is None else dividend // name.divisor
            if number is None:
                return None
            factor *= number
        total += factor
    return total


def product_of(sizes: Sequence[Size]) -> Size:
    """Return the product of sizes."""
    result: Size = 1
    for size in sizes:
        result = size * result
    return result


def _terms(size: Size) -> Terms:
    return size.terms if isinstance(size, OpenSize) else (((), int(size)),)


def _simplest(terms: Mapping[tuple[str, ...], int]) -> Size:
    left = tuple(sorted((product, factor) for product, factor in terms.items() if factor != 0))
    if not left:
        return 0
    if len(left) == 1 and not left[0][0]:
        return left[0][1]
    return OpenSize(left)
