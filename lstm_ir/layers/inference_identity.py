"""Layers that do something in training alone."""

from typing import Any, ClassVar

from lstm_ir.layers.arguments import number
from lstm_ir.layers.base import Layer


class InferenceIdentity(Layer):
    """A layer that is the identity outside training; training mode is refused for it.

    Args:
        **kwargs: those of `Layer`.
    """

    @property
    def is_active(self) -> bool:
        """Whether it changes anything in training."""
        return True


class _Rated(InferenceIdentity):
    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.seed = number(rate, "rate"), seed

    @property
    def is_active(self) -> bool:
        """Whether it changes anything in training."""
        return self.rate > 0

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"rate": self.rate, "seed": self.seed}


class SpatialDropout1D(_Rated):
    """Drops whole features of a sequence in training.

    Args:
        rate: the share, in [0, 1].
        seed: of the noise, or None.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "SpatialDropout1D"
    auto_name_prefix: ClassVar[str] = "spatial_dropout1d"


class GaussianDropout(_Rated):
    """Multiplies by noise in training.

    Args:
        rate: the share whose variance the noise has, in [0, 1].
        seed: of the noise, or None.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "GaussianDropout"
    auto_name_prefix: ClassVar[str] = "gaussian_dropout"


class AlphaDropout(_Rated):
    """Dropout that keeps mean and variance, in training.

    Args:
        rate: the share, in [0, 1].
        noise_shape: shape of the noise, or None for the input's.
        seed: of the noise, or None.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "AlphaDropout"
    auto_name_prefix: ClassVar[str] = "alpha_dropout"

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = noise_shape


class GaussianNoise(InferenceIdentity):
    """Adds noise in training.

    Args:
        stddev: of the noise.
        seed: of the noise, or None.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "GaussianNoise"
    auto_name_prefix: ClassVar[str] = "gaussian_noise"

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev, self.seed = number(stddev, "stddev"), seed

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"stddev": self.stddev, "seed": self.seed}


class ActivityRegularization(InferenceIdentity):
    """Adds a penalty on its input to the loss.

    Args:
        l1: weight of the sum of absolute values.
        l2: weight of the sum of squares.
        **kwargs: those of `Layer`.
    """

    keras_class_name: ClassVar[str] = "ActivityRegularization"
    auto_name_prefix: ClassVar[str] = "activity_regularization"

    @property
    def is_active(self) -> bool:
        """Nothing that it returns changes in training."""
        return False

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.l1, self.l2 = number(l1, "l1"), number(l2, "l2")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        return super().get_config() | {"l1": self.l1, "l2": self.l2}
