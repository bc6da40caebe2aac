"""The executing Bidirectional wrapper."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm_ir import layers
from lstm_ir.errors import UnsupportedError
from lstm_ir.live.lstm import LSTM
from lstm_ir.live.penalties import activity_penalties, weight_penalties
from lstm_ir.live.recurrent import LiveRecurrent

Array = NDArray[Any]


class Bidirectional(LiveRecurrent, layers.Bidirectional):
    """Keras's Bidirectional wrapper, compiled on its first call. See `lstm_ir.layers.Bidirectional`."""

    layer_class: ClassVar[type[layers.LSTM]] = LSTM
    wraps: ClassVar[tuple[type[layers.Layer], ...]] = (layers.LSTM,)

    @property
    def cells(self) -> list[layers.LSTM]:
        """The forward and the backward layer."""
        return [self.forward_layer, self.backward_layer]

    def _penalties(self, values: Sequence[Array]) -> list[list[Any]]:
        groups = super()._penalties(values)
        if self._has_inner_penalties and self._returns_both_directions:
            groups += [activity_penalties(*pair) for pair in zip(self.cells, self._by_direction(values), strict=True)]
        return groups

    @property
    def _has_inner_penalties(self) -> bool:
        return any(cell.activity_regularizer is not None for cell in self.cells)

    @property
    def _returns_both_directions(self) -> bool:
        return self.merge_mode in ("concat", None)

    def _by_direction(self, values: Sequence[Array]) -> list[list[Array]]:
        """Return what the forward and the backward layer returned, before it was merged."""
        if self.merge_mode is None:
            forward, backward = values[:2]
        else:
            forward, backward = np.split(values[0], [self.forward_layer.units], axis=-1)
        if self.return_sequences:
            backward = np.flip(backward, 0 if self.time_major else 1)
        states = list(values[-4:]) if self.return_state else []
        return [[forward, *states[:2]], [backward, *states[2:]]]

    @property
    def losses(self) -> list[Any]:
        """Penalties of everything the latest call returned and of the weights.

        First those of the merged output; then, direction by direction, of what it returned and of its weights. In
        Keras 3 the penalties of all weights come last.

        Raises:
            UnsupportedError: The layers inside penalise outputs that are merged inside the compiled module.
        """
        if self._has_inner_penalties and not self._returns_both_directions:
            raise UnsupportedError(
                f"losses: layer {self.name!r} merges by {self.merge_mode!r}, so the activity_regularizer of the layers "
                "inside never sees their outputs; use merge_mode 'concat' or None"
            )
        own, *inner = self._activity_losses or [[]]
        inner = inner or [[] for _ in self.cells]
        weights = [weight_penalties(cell, trainable=self.trainable) for cell in self.cells]
        groups = [*inner, *weights] if self.flavour == "keras3" else [inner[0], weights[0], inner[1], weights[1]]
        return [*own, *(penalty for group in groups for penalty in group)]
