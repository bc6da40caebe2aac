"""Index maps of a scan: where the data of a visited step lies in a tensor.

A map is ``(step, batch)[T] -> (i, j)``: the two leading indices of the data of visited step ``step`` of a sequence of
length ``T``. Direction and layout are nothing but such maps, so neither costs a pass over memory.
"""

from xdsl.dialects.builtin import AffineMapAttr
from xdsl.ir.affine import AffineConstantExpr, AffineExpr, AffineMap

STEP, BATCH = AffineExpr.dimension(0), AffineExpr.dimension(1)
LENGTH = AffineExpr.symbol(0)


def step_map(*, time_major: bool, reverse: bool) -> AffineMapAttr:
    """Return the index map for a layout and a direction.

    Args:
        time_major: The tensor is [T, B, ...] if true, else [B, T, ...].
        reverse: Visited step k is time T-1-k if true, else time k.
    """
    time = LENGTH - STEP - AffineConstantExpr(1) if reverse else STEP
    return AffineMapAttr(AffineMap(2, 1, (time, BATCH) if time_major else (BATCH, time)))


def describe(attr: AffineMapAttr) -> tuple[bool, bool] | None:
    """Return (time_major, reverse) of a map that ``step_map`` built, or None for any other map."""
    for time_major in (False, True):
        for reverse in (False, True):
            if attr == step_map(time_major=time_major, reverse=reverse):
                return time_major, reverse
    return None


def flipped(attr: AffineMapAttr) -> AffineMapAttr:
    """Return the map with its time axis reversed.

    Raises:
        ValueError: If the map is not one of ``step_map``'s.
    """
    known = describe(attr)
    if known is None:
        raise ValueError(f"not an index map of a scan: {attr}")
    return step_map(time_major=known[0], reverse=not known[1])
