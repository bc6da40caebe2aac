"""The recorded states of a stateful layer: Keras's ``states`` and ``reset_states``."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir import layers
from lstm_ir.errors import ArgumentError, ArgumentTypeError, LstmIrError

Array = NDArray[Any]


class NotStatefulError(LstmIrError, AttributeError):
    """``reset_states`` of a layer that keeps no state; Keras raises AttributeError."""


class RecordedStates(layers.Layer):
    """The states that a stateful layer records after each call, h and c of each of its LSTMs."""

    stateful: bool

    def _set_up(self) -> None:
        super()._set_up()
        self._lock = threading.RLock()
        self._states: list[Array] | None = None

    @property
    def cells(self) -> list[layers.LSTM]:
        """The LSTMs inside, forward before backward."""
        raise NotImplementedError  # each of the two classes says which it has

    def _starting_states(self, stored: list[Array], given: list[Array]) -> list[Array]:
        """Return the states to start from; Keras 1 and 2 take given ones only where a cell's stored ones are zero."""
        if self.flavour == "keras3":
            return given
        starting: list[Array] = []
        for first in range(0, len(stored), 2):
            pair = slice(first, first + 2)
            starting += stored[pair] if any(state.any() for state in stored[pair]) else given[pair]
        return starting

    def _stored_states(self, batch: int) -> list[Array]:
        if self._states is None:
            self._states = [np.zeros((batch, cell.units), self.variable_dtype) for cell in self.cells for _ in range(2)]
        return self._states

    @property
    def states(self) -> list[Array | None] | None:
        """The recorded states, h and c of each direction.

        None for each before build, or if not stateful; in Keras 3 one None for all.
        """
        if not self.stateful or not self.built:
            return None if self.flavour == "keras3" else [None, None] * len(self.cells)
        batch = self._fixed_batch()
        return [state.copy() for state in self._stored_states(batch)]

    def _fixed_batch(self) -> int:
        shape = self.build_input_shape
        batch = None if shape is None else shape[1 if self.cells[0].time_major else 0]
        if batch is None:
            raise ArgumentError(
                f"layer {self.name!r} is stateful and needs to know its batch size; build it with a full input shape"
            )
        return batch

    def reset_states(self, states: Any = None) -> None:
        """Set the recorded states, all or none.

        Args:
            states: A list of arrays (batch, units), h and c of each direction; None is zeros.

        In Keras 3 the states can only be set to zero, and an LSTM accepts the call whether or not it has any.

        Raises:
            NotStatefulError: The layer is not stateful.
            ArgumentError: The layer is not built, or the states do not fit.
            ArgumentTypeError: States are given to a layer of Keras 3.
        """
        if self.flavour == "keras3":
            if states is not None:
                raise ArgumentTypeError(f"reset_states: layer {self.name!r} is of Keras 3, which takes no states here")
            if not self.stateful and len(self.cells) > 1:
                raise NotStatefulError(f"reset_states: layer {self.name!r} must be stateful")
            with self._lock:
                self._states = None
            return
        if not self.stateful:
            raise NotStatefulError(f"reset_states: layer {self.name!r} must be stateful")
        with self._lock:
            batch = self._fixed_batch()
            if states is None:
                self._states = None
                return
            # One stacked array counts as one state, as in Keras.
            items = list(states) if isinstance(states, list | tuple) else [states]
            wanted = [(batch, cell.units) for cell in self.cells for _ in range(2)]
            if len(items) != len(wanted):
                raise ArgumentError(
                    f"reset_states: layer {self.name!r} expects {len(wanted)} states, but it received {len(items)}"
                )
            checked = []
            for number, (item, shape) in enumerate(zip(items, wanted, strict=True)):
                if item is None:
                    raise NotStatefulError(f"reset_states: state {number} is None, expected an array {shape}")
                array = np.asarray(item)
                if array.shape != shape or array.dtype.kind not in "fiub":
                    raise ArgumentError(
                        f"reset_states: state {number} is incompatible with layer {self.name!r}: expected shape "
                        f"{shape}, found {array.shape} of {array.dtype}"
                    )
                checked.append(array.astype(self.variable_dtype))
            self._states = checked
