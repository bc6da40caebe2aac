"""One thing to measure: a model, the input that it is called with, and what must come out."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lstm_ir.layers import Model
from lstm_ir.reference import run_model
from lstm_ir.tools.bench.dropout_reference import run_with_dropout
from lstm_ir.tools.bench.network import Array, InexpressibleError, Network, network_of

SEED = 7
"""What modules compiled for training are called with."""


@dataclass(frozen=True)
class Case:
    """A model and a call of it.

    Attributes:
        name: What the tables call it.
        model: The model, built; None for an artifact whose model is not at hand.
        x: The input.
        batch: Number of sequences.
        steps: Number of time steps.
        mask: Which steps count, or None.
        is_training: Dropout is active.
        sizes: What to show and to plot by: B, T, I, U.
    """

    name: str
    model: Model | None
    x: Array
    batch: int
    steps: int
    mask: Array | None = None
    is_training: bool = False
    sizes: dict[str, int] = field(default_factory=dict)

    @cached_property
    def expected(self) -> list[Array] | None:
        """The outputs in float64, or None where there is no model to compute them from."""
        if self.model is None:
            return None
        if self.is_training:
            return run_with_dropout(self.model, self.x, SEED)
        return list(run_model(self.model, self.x, self.mask).outputs)

    @cached_property
    def network(self) -> Network:
        """What peers are given.

        Raises:
            InexpressibleError: They cannot be given this.
        """
        if self.model is None:
            raise InexpressibleError("an artifact holds no weights that can be read back; give its model with --model")
        if self.is_training:
            raise InexpressibleError("dropout: its random numbers are other ones")
        return network_of(self.model)

    @property
    def flop(self) -> float | None:
        """Operations of the LSTMs' products in one call, or None where they are not known."""
        try:
            return network_of(self.model).flop(self.batch, self.steps) if self.model is not None else None
        except InexpressibleError:
            return None

    def describe(self) -> dict[str, Any]:
        """Return the case as JSON."""
        return {
            "name": self.name,
            "sizes": self.sizes,
            "batch": self.batch,
            "time": self.steps,
            "input_shape": list(self.x.shape),
            "masked": self.mask is not None,
            "training": self.is_training,
        }
