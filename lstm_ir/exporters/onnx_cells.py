"""What each recurrent layer is in ONNX: the operator that runs it, and a step in elementary operators.

Source: the descriptions of LSTM, GRU and RNN in ONNX's Operators.md.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.exporters.onnx_activations import activate, cell_function
from lstm_ir.exporters.onnx_graph import Array, OnnxGraph
from lstm_ir.layers.gru import GRU
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.program import CellFunction
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.simple_rnn import SimpleRNN


@dataclass(frozen=True)
class Cell(ABC):
    """A recurrent layer in ONNX.

    Attributes:
        layer: The layer.
        path: Its name, with which those of its weights start.
    """

    layer: RecurrentLayer
    path: str

    operator: ClassVar[str]
    """The operator that runs it where there is no mask."""
    gates: ClassVar[tuple[int, ...]]
    """Where Keras has the operator's gates."""

    @property
    def attributes(self) -> dict[str, int]:
        """Attributes of the operator beside the activations."""
        return {}

    def weights(self, dtype: np.dtype[np.generic]) -> tuple[Array, Array, Array]:
        """Kernel, recurrent kernel, and the biases of both products, (2, gates units), zeros if there are none."""
        kernel, recurrent_kernel, *rest = (np.asarray(weight, dtype) for weight in self.layer.plain_weights())
        biases = np.zeros((2, kernel.shape[-1]), dtype)
        if rest and rest[0].ndim == 2:
            biases = rest[0]
        elif rest:
            biases[0] = rest[0]
        return kernel, recurrent_kernel, biases

    @property
    def functions(self) -> list[CellFunction] | None:
        """The activations as the operator lists them, None if it has none of that meaning."""
        found = [cell_function(activation) for activation in self._activations()]
        return None if None in found else [function for function in found if function is not None]

    def has_operator(self, g: OnnxGraph) -> bool:
        """Whether the operator can run it without a mask: ONNX Runtime has none in float64."""
        return self.functions is not None and g.dtype != np.float64

    def _activations(self) -> list[Any]:
        return [self.layer.recurrent_activation, self.layer.activation]

    @abstractmethod
    def step(self, g: OnnxGraph, x: str, h: str, states: Sequence[str]) -> list[str]:
        """One step.

        Args:
            g: The graph.
            x: The step's input times the kernel, with its bias, (batch, gates units).
            h: The output before times the recurrent kernel, with its bias.
            states: The states before, h first.

        Returns:
            The states after, h first.
        """

    def _gate(self, g: OnnxGraph, z: str) -> str:
        return activate(g, self.layer.recurrent_activation, z)

    def _squash(self, g: OnnxGraph, z: str) -> str:
        return activate(g, self.layer.activation, z)


class LstmCell(Cell):
    """LSTM, gates i, o, f, c; a CuDNNLSTM as the LSTM that computes the same."""

    operator = "LSTM"
    gates = (0, 3, 1, 2)

    def _activations(self) -> list[Any]:
        return [self.layer.recurrent_activation, self.layer.activation, self.layer.activation]

    def step(self, g: OnnxGraph, x: str, h: str, states: Sequence[str]) -> list[str]:
        """``c' = f c + i g(zc)``, ``h' = o g(c')``."""
        zi, zf, zc, zo = g.add_many("Split", [g.add("Add", x, h)], 4, axis=1)
        i, f, o = (self._gate(g, z) for z in (zi, zf, zo))
        c = g.add("Add", g.add("Mul", f, states[1]), g.add("Mul", i, self._squash(g, zc)))
        return [g.add("Mul", o, self._squash(g, c)), c]


class GruCell(Cell):
    """GRU, gates z, r, h; the reset gate before or behind the product."""

    operator = "GRU"
    gates = (0, 1, 2)

    @property
    def attributes(self) -> dict[str, int]:
        """Whether the reset gate is behind the product."""
        return {"linear_before_reset": int(self._resets_after)}

    @property
    def _resets_after(self) -> bool:
        return bool(getattr(self.layer, "reset_after", True))

    def step(self, g: OnnxGraph, x: str, h: str, states: Sequence[str]) -> list[str]:
        """``n = g(xn + r hn)``, or ``g(xn + (r h) Rn)``; ``h' = z h + (1 - z) n``."""
        xz, xr, xn = g.add_many("Split", [x], 3, axis=1)
        hz, hr, hn = g.add_many("Split", [h], 3, axis=1)
        z, r = self._gate(g, g.add("Add", xz, hz)), self._gate(g, g.add("Add", xr, hr))
        if self._resets_after:
            recurrent = g.add("Mul", r, hn)
        else:
            weights = self.weights(g.dtype)[1][:, 2 * self.layer.units :]
            recurrent = g.add("MatMul", g.add("Mul", r, states[0]), g.constant(weights, f"{self.path}/reset_kernel"))
        new = self._squash(g, g.add("Add", xn, recurrent))
        kept = g.add("Mul", z, states[0])
        return [g.add("Add", kept, g.add("Mul", g.add("Sub", g.floats(1.0), z), new))]


class SimpleCell(Cell):
    """SimpleRNN."""

    operator = "RNN"
    gates = (0,)

    def _activations(self) -> list[Any]:
        return [self.layer.activation]

    def step(self, g: OnnxGraph, x: str, h: str, states: Sequence[str]) -> list[str]:
        """``h' = g(x + h)``."""
        return [self._squash(g, g.add("Add", x, h))]


_CELLS: tuple[tuple[type[RecurrentLayer], type[Cell]], ...] = (
    (LSTM, LstmCell),
    (GRU, GruCell),
    (SimpleRNN, SimpleCell),
)


def cell_of(layer: RecurrentLayer, path: str) -> Cell:
    """Return what a recurrent layer is in ONNX.

    Raises:
        UnsupportedError: It is nothing there.
    """
    for kind, cell in _CELLS:
        if isinstance(layer, kind):
            return cell(layer, path)
    raise UnsupportedError(f"layer {path!r}: {layer.keras_class_name} cannot be exported to ONNX")


def zeros(g: OnnxGraph, x: str, batch_axis: int, units: int) -> str:
    """Add zeros (batch, units) for a sequence's batch."""
    from onnx import numpy_helper

    shape = g.add("Concat", g.sizes(x, batch_axis, batch_axis + 1), g.integers([units]), axis=0)
    return g.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.zeros(1, g.dtype)))
