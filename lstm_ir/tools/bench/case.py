"""One thing to measure: a model, the input that it is called with, and what must come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lstm_ir.layers import Model, Sequential
from lstm_ir.reference import run_model
from lstm_ir.tools.bench.dropout_reference import run_with_dropout
from lstm_ir.tools.bench.network import Array, InexpressibleError, Network, network_of

SEED = 7
"""What modules compiled for training are called with."""


_NO_MODEL = "an artifact holds no weights that can be read back; give its model with --model"


@dataclass(frozen=True)
class Case:
    """A model and a call of it.

    Attributes:
        name: What the tables call it.
        model: The model, built; None for an artifact whose model is not at hand.
        x: The input; of a model with several, the first.
        batch: Number of sequences.
        steps: Number of time steps.
        mask: Which steps count, or None.
        is_training: Dropout is active.
        sizes: What to show and to plot by: B, T, I, U.
        inputs: Of a model with several inputs all of them, by name; else empty.
        file: The model's file, for peers that read such files themselves; None where there is none.
    """

    name: str
    model: Model | None
    x: Array
    batch: int
    steps: int
    mask: Array | None = None
    is_training: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    inputs: Mapping[str, Array] = field(default_factory=dict)
    file: Path | None = None

    @property
    def call_input(self) -> Any:
        """What a module of the model is called with."""
        return dict(self.inputs) or self.x

    @property
    def arrays(self) -> Mapping[str, Array]:
        """All inputs by name.

        Raises:
            InexpressibleError: There is no model that names them.
        """
        if self.model is None:
            raise InexpressibleError(_NO_MODEL)
        return self.inputs or {self.model.inputs[0].name: self.x}

    @property
    def whole_file(self) -> Path | None:
        """The file of a graph that peers cannot be given layer by layer; None for a chain of layers."""
        return None if self.model is None or isinstance(self.model, Sequential) else self.file

    @cached_property
    def expected(self) -> list[Array] | None:
        """The outputs in float64, or None where there is no model to compute them from."""
        if self.model is None:
            return None
        if self.is_training:
            return run_with_dropout(self.model, self.x, SEED)
        return list(run_model(self.model, self.call_input, self.mask).outputs)

    @cached_property
    def network(self) -> Network:
        """What peers are given.

        Raises:
            InexpressibleError: They cannot be given this.
        """
        if self.model is None:
            raise InexpressibleError(_NO_MODEL)
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
            "input_shapes": {name: list(x.shape) for name, x in self.inputs.items()},
            "masked": self.mask is not None,
            "training": self.is_training,
        }
