"""Panels: the order of weights in memory in which a kernel's inner loop reads them, one after the other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_ir.passes.kernels.vector_target import MOST_TERMS, VectorTarget


def round_up(value: int, multiple: int) -> int:
    """Return the smallest multiple that is not below a value."""
    return -(-value // multiple) * multiple


@dataclass(frozen=True)
class Panels:
    """Packed gates [K, G U] cut into panels [tiles, groups, depth, width, lanes].

    A panel has all ``depth`` terms of the sum, one after the other, for ``lanes`` units and ``width`` gates; an inner
    loop multiplies with one or several. Units are padded to whole tiles and terms to whole iterations, with zeros.

    Attributes:
        gates: G.
        units: U.
        terms: K; 0 for a bias, which is no sum.
        lanes: Units of a tile.
        width: Gates of a panel.
        paired: Where not 0, of each two vectors of so many units the elements alternate: weights of 16 bits, of which
            a 32-bit lane holds one of either vector, in its upper half as f32 has it.
    """

    gates: int
    units: int
    terms: int
    lanes: int
    width: int
    paired: int = 0

    @classmethod
    def of(
        cls, target: VectorTarget, gates: int, units: int, terms: int, *, apart: bool = False, paired: bool = False
    ) -> "Panels":
        """Return the panels that a target's tiles read.

        Args:
            target: The vector unit.
            gates: G.
            units: U.
            terms: K; 0 for a bias.
            apart: Whether each gate multiplies a left operand of its own.
            paired: Whether elements of two vectors alternate, where a term has an even number of vectors.
        """
        if apart:
            return cls(gates, units, terms, target.lanes * target.unit_vectors, 1, target.lanes if paired else 0)
        if paired and gates % 2 == 0:
            return cls(gates, units, terms, target.lanes, 2, target.lanes)
        return cls(gates, units, terms, target.lanes, 1)

    @property
    def tiles(self) -> int:
        """Number of unit tiles."""
        return -(-self.units // self.lanes)

    @property
    def groups(self) -> int:
        """Number of panels of a unit tile."""
        return self.gates // self.width

    @property
    def depth(self) -> int:
        """Rows with padding; a bias is one row."""
        return 1 if self.terms == 0 else round_up(self.terms, MOST_TERMS)

    @property
    def padded_units(self) -> int:
        """Units with padding."""
        return self.tiles * self.lanes

    @property
    def panel_size(self) -> int:
        """Elements of a panel."""
        return self.depth * self.width * self.lanes

    @property
    def size(self) -> int:
        """Elements of all panels."""
        return self.tiles * self.groups * self.panel_size

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """The shape in memory."""
        return (self.tiles, self.groups, self.depth, self.width, self.lanes)

    def pack(self, weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return a weight [K, G U], or a bias [G U], as panels."""
        padded = np.zeros((self.depth, self.gates, self.padded_units), weight.dtype)
        rows = weight.reshape(-1, self.gates, self.units)
        padded[: len(rows), :, : self.units] = rows
        apart = padded.reshape(self.depth, self.groups, self.width, self.tiles, self.lanes)
        panels = np.ascontiguousarray(apart.transpose(3, 1, 0, 2, 4))
        if self.paired:
            panels = panels.reshape(-1, 2, self.paired).swapaxes(1, 2).reshape(self.shape)
        return panels
