"""The executing LSTM layer."""

from typing import Any

import numpy as np

from lstm_ir import layers
from lstm_ir.errors import ArgumentTypeError
from lstm_ir.layers.shapes import InputSpec
from lstm_ir.live.cell import Array, LSTMCell, zero_states
from lstm_ir.live.members import check_writable
from lstm_ir.live.recurrent import LiveRecurrent


class LSTM(LiveRecurrent, layers.LSTM):
    """Keras's LSTM layer (tf.compat.v1 by default), compiled on its first call. See `lstm_ir.layers.LSTM`."""

    def _set_up(self) -> None:
        super()._set_up()
        self._cell = LSTMCell(self)

    def __setattr__(self, name: str, value: Any) -> None:
        check_writable(self, name)
        super().__setattr__(name, value)

    @property
    def cells(self) -> list[layers.LSTM]:
        """This layer itself."""
        return [self]

    @property
    def cell(self) -> LSTMCell:
        """Keras's cell: its attributes and weights; it cannot be called."""
        return self._cell

    @property
    def submodules(self) -> tuple[LSTMCell]:
        """The cell."""
        return (self._cell,)

    @property
    def state_spec(self) -> list[InputSpec]:
        """What h and c must be: (batch, units) each."""
        return [InputSpec(shape=(None, self.units), ndim=2) for _ in range(2)]

    def get_initial_state(self, inputs: Any) -> list[Array]:
        """Zeros for h and c, (batch, units) each.

        Args:
            inputs: Array with the layer's inputs, whose batch and dtype the states get; in Keras 3 the batch, an
                integer, and the states are of the compute dtype.

        Raises:
            ArgumentError: Inputs without a batch axis.
            ArgumentTypeError: In Keras 3, not an integer.
        """
        if self.flavour == "keras3":
            if not isinstance(inputs, int | np.integer):
                raise ArgumentTypeError(f"batch_size: got {type(inputs).__name__}, expected an integer")
            return zero_states(self, None, int(inputs), None)
        first = inputs[0] if isinstance(inputs, list | tuple) else inputs
        return zero_states(self, first, None, None, axis=1 if self.time_major else 0)
