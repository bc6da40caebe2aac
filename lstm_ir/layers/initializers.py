"""Keras's weight initialisers over NumPy: the same distributions, not the same random streams."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.flavour import Flavour

Array = NDArray[Any]
WeightShape = tuple[int, ...]
InitializerFn = Callable[[WeightShape, str], Array]

# scipy.stats.truncnorm.std(a=-2, b=2): Keras divides by it so that the truncated distribution has the wanted width.
_TRUNCATED_STD = 0.87962566103423978


def _generator(seed: Any) -> np.random.Generator:
    """A seeded initialiser gives the same values at each call, as Keras's; an unseeded one new ones."""
    if isinstance(seed, Mapping):  # a serialised Keras 3 SeedGenerator
        seed = seed.get("config", {}).get("seed")
    return np.random.default_rng(None if seed is None else int(seed) % 2**64)


class Initializer:
    """Base: called with a shape and the name of a dtype, returns an array of them."""

    def __call__(self, shape: WeightShape, dtype: str = "float32") -> Array:
        """Return the initial values of a weight."""
        return np.asarray(self._values(tuple(shape)), dtype=dtype)

    def _values(self, shape: WeightShape) -> Array:
        raise NotImplementedError

    def get_config(self, flavour: Flavour = "compat.v1") -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        del flavour
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Initializer":
        """Build from constructor arguments; ``dtype``, which TF1 mode writes, is ignored as Keras does.

        Raises:
            ArgumentTypeError: a key that the initialiser does not have.
        """
        arguments = {key: value for key, value in config.items() if key != "dtype"}
        try:
            return cls(**arguments)
        except TypeError as error:
            if isinstance(error, ArgumentTypeError):
                raise
            raise ArgumentTypeError(f"initializer {cls.__name__}: {error}") from None


class Zeros(Initializer):
    """All zeros."""

    def _values(self, shape: WeightShape) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """All ones."""

    def _values(self, shape: WeightShape) -> Array:
        return np.ones(shape)


class Constant(Initializer):
    """Every element is ``value`` (or ``value`` broadcast to the shape)."""

    def __init__(self, value: Any = 0) -> None:
        self.value = value

    def _values(self, shape: WeightShape) -> Array:
        return np.full(shape, self.value)

    def get_config(self, flavour: Flavour = "compat.v1") -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"value": self.value}


class RandomUniform(Initializer):
    """Uniform on [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def _values(self, shape: WeightShape) -> Array:
        return _generator(self.seed).uniform(self.minval, self.maxval, shape)

    def get_config(self, flavour: Flavour = "compat.v1") -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


class RandomNormal(Initializer):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def _values(self, shape: WeightShape) -> Array:
        return _generator(self.seed).normal(self.mean, self.stddev, shape)

    def get_config(self, flavour: Flavour = "compat.v1") -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class TruncatedNormal(RandomNormal):
    """Normal whose values further than two standard deviations from the mean are drawn again."""

    def _values(self, shape: WeightShape) -> Array:
        return _truncated_normal(_generator(self.seed), self.mean, self.stddev, shape)


class VarianceScaling(Initializer):
    """Variance ``scale / n``, n by ``mode``: fan_in, fan_out, or their mean.

    Raises:
        ArgumentError: ``scale`` not positive, or an unknown ``mode`` or ``distribution``.
        UnsupportedError: Keras 3's ``input_axes`` or ``output_axes``.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ) -> None:
        if scale <= 0.0:
            raise ArgumentError(f"scale: got {scale!r}, expected a positive number")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ArgumentError(f"mode: got {mode!r}, expected 'fan_in', 'fan_out' or 'fan_avg'")
        distribution = "truncated_normal" if str(distribution).lower() == "normal" else str(distribution).lower()
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ArgumentError(
                f"distribution: got {distribution!r}, expected 'uniform', 'truncated_normal' or 'untruncated_normal'"
            )
        if input_axes is not None or output_axes is not None:
            raise UnsupportedError("initializer: input_axes and output_axes are not supported")
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed

    def _values(self, shape: WeightShape) -> Array:
        fan_in, fan_out = _fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, fan)
        generator = _generator(self.seed)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "truncated_normal":
            return _truncated_normal(generator, 0.0, math.sqrt(variance) / _TRUNCATED_STD, shape)
        return generator.normal(0.0, math.sqrt(variance), shape)

    def get_config(self, flavour: Flavour = "compat.v1") -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        config = {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self.seed}
        return config | _axes(flavour)


class _NamedScaling(VarianceScaling):
    """A variance scaling with its own name, whose config holds only the seed."""

    _scaling: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(*self._scaling, seed, input_axes, output_axes)

    def get_config(self, flavour: Flavour = "compat.v1") -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"seed": self.seed} | _axes(flavour)


class GlorotUniform(_NamedScaling):
    """Uniform on [-L, L], L = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""

    _scaling = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Truncated normal, variance 2 / (fan_in + fan_out)."""

    _scaling = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_NamedScaling):
    """Uniform on [-L, L], L = sqrt(6 / fan_in) (He et al. 2015)."""

    _scaling = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Truncated normal, variance 2 / fan_in."""

    _scaling = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Uniform on [-L, L], L = sqrt(3 / fan_in)."""

    _scaling = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Truncated normal, variance 1 / fan_in."""

    _scaling = (1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """The Q of a random normal matrix: orthonormal rows or columns, whichever are fewer (Saxe et al. 2014)."""

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain, self.seed = gain, seed

    def _values(self, shape: WeightShape) -> Array:
        if len(shape) < 2:
            raise ArgumentError(f"Orthogonal: got shape {shape}, expected two or more dimensions")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        matrix = _generator(self.seed).normal(size=(max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(matrix)
        q *= np.sign(np.diag(r))  # without it Q is not uniformly distributed
        return self.gain * (q.T if rows < columns else q).reshape(shape)

    def get_config(self, flavour: Flavour = "compat.v1") -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        return {"gain": self.gain, "seed": self.seed}


class Identity(Initializer):
    """``gain`` times the identity matrix, for two dimensions only."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def _values(self, shape: WeightShape) -> Array:
        if len(shape) != 2:
            raise ArgumentError(f"Identity: got shape {shape}, expected two dimensions")
        return self.gain * np.eye(*shape)

    def get_config(self, flavour: Flavour = "compat.v1") -> dict[str, Any]:
        """Return the constructor arguments under Keras's names."""
        # Keras 3 leaves the gain out of the config; it is written where leaving it out would change it.
        return {} if flavour == "keras3" and self.gain == 1.0 else {"gain": self.gain}


def _axes(flavour: Flavour) -> dict[str, Any]:
    return {"input_axes": None, "output_axes": None} if flavour == "keras3" else {}


def _truncated_normal(generator: np.random.Generator, mean: float, stddev: float, shape: WeightShape) -> Array:
    values = generator.normal(size=shape)
    while (outside := np.abs(values) > 2.0).any():
        values[outside] = generator.normal(size=int(outside.sum()))
    return mean + stddev * values


def _fans(shape: WeightShape) -> tuple[int, int]:
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field_size = math.prod(shape[:-2])
    return shape[-2] * field_size, shape[-1] * field_size
