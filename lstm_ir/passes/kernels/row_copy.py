"""Rows between the caller's tensors and a kernel's padded buffers."""

from collections.abc import Callable, Sequence

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from lstm_ir.passes.kernels.kernel_builder import KernelBuilder, Place
from lstm_ir.passes.structured import Size


def copy_row(
    b: KernelBuilder,
    source: Place,
    target: Place,
    length: int,
    *,
    tiles: tuple[Size, Size] | None = None,
    pad: bool = False,
    padded: int = 0,
    times: Place | None = None,
) -> None:
    """Build the copy of a row.

    Args:
        b: Where to build.
        source: The first element to read.
        target: Where it goes.
        length: Elements of the row.
        tiles: The vectors of the row to copy, first and one after the last; all if None.
        pad: Write zeros behind the row up to a whole vector.
        padded: Write zeros behind the row up to this length.
        times: A row that each element is multiplied by.
    """
    sources = [source] if times is None else [source, times]

    def vector(at: Size) -> SSAValue:
        return _product(b, [b.load_vector(b.at(place, at)) for place in sources])

    def element(at: int) -> SSAValue:
        return _product(b, [b.load(b.at(place, at)) for place in sources])

    _write_row(b, target, length, tiles, -(-length // b.lanes) * b.lanes if pad else padded, vector, element)


def zero_row(b: KernelBuilder, target: Place, length: int, *, tiles: tuple[Size, Size] | None = None) -> None:
    """Build zeros in a row, or in some of its vectors."""
    _write_row(b, target, length, tiles, 0, lambda _: b.splat_number(0.0), lambda _: b.number(0.0))


def _write_row(
    b: KernelBuilder,
    target: Place,
    length: int,
    tiles: tuple[Size, Size] | None,
    padded: int,
    vector: Callable[[Size], SSAValue],
    element: Callable[[int], SSAValue],
) -> None:
    """Build whole vectors, then the elements of the last one by themselves if it is not whole."""
    whole = length // b.lanes
    first, last = (0, whole + 1) if tiles is None else tiles
    end = b.least(last, whole)
    if end != 0:
        with b.loop(first, end) as tile:
            at = b.times(tile, b.lanes)
            b.store_vector(vector(at), b.at(target, at))

    def tail() -> None:
        for at in range(whole * b.lanes, length):
            b.store(element(at), b.at(target, at))
        for at in range(length, padded):
            b.store(b.number(0.0), b.at(target, at))

    if whole * b.lanes == max(length, padded):
        return
    if isinstance(last, int):
        if last > whole:
            tail()
        return
    with b.when(b.compare(last, "sgt", whole)):
        tail()


def _product(b: KernelBuilder, values: Sequence[SSAValue]) -> SSAValue:
    return values[0] if len(values) == 1 else b.do(arith.MulfOp(values[0], values[1]))
