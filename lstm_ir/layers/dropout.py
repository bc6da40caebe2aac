"""The Dropout layer: the identity outside training."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import ArgumentError, ArgumentTypeError
from lstm_ir.layers.base import Layer


class Dropout(Layer):
    """Drops a share of its input's elements in training; outside training the identity.

    Args:
        rate: the share, in [0, 1].
        noise_shape: shape of the noise, or None for the input's.
        seed: of the noise, or None.
        **kwargs: those of `Layer`.

    Raises:
        ArgumentError: ``rate`` outside [0, 1].
        ArgumentTypeError: ``rate`` is not a number.
    """

    keras_class_name: ClassVar[str] = "Dropout"
    auto_name_prefix: ClassVar[str] = "dropout"

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        if isinstance(rate, bool) or not isinstance(rate, (int, float, np.integer, np.floating)):
            raise ArgumentTypeError(f"rate: got {rate!r}, expected a number between 0 and 1")
        if not 0 <= rate <= 1:
            raise ArgumentError(f"rate: got {rate!r}, expected a number between 0 and 1")
        super().__init__(**kwargs)
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        config = super().get_config()
        if self.flavour == "keras3":
            return config | {"rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}
        return config | {"rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}
