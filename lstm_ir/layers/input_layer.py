"""The InputLayer: shape, dtype and name of a model's input."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.base import Layer
from lstm_ir.layers.dtype_policy import resolve_dtype_policy
from lstm_ir.layers.flavour import check_flavour
from lstm_ir.layers.naming import auto_name
from lstm_ir.layers.shapes import Shape, as_shape

INTEGER_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16")


class InputLayer(Layer):
    """What a model takes.

    Args:
        shape: the input's shape with the batch axis; None for axes that are not fixed.
        dtype: a floating dtype, by default float32; or an integer one or bool, for numbers that name something.
        name: None takes the next automatic name (``input_1``; in Keras 3 ``input_layer``).
        flavour: which Keras defines the layer.
    """

    keras_class_name: ClassVar[str] = "InputLayer"

    value_dtype: str
    """The dtype of what is given: the ``dtype``."""

    def __init__(self, shape: Any, dtype: Any = None, name: str | None = None, *, flavour: str | None = None) -> None:
        known = check_flavour(flavour or self.default_flavour)
        if name is None:
            name = auto_name("input_layer") if known == "keras3" else _numbered_name()
        whole = _integer_dtype(dtype)
        policy = resolve_dtype_policy(None if whole else dtype)
        if policy.is_mixed:
            raise ArgumentError(f"dtype: got {policy.name!r}, an input has one dtype, such as 'float32'")
        super().__init__(name=name, dtype=policy, flavour=known)
        self.shape: Shape = as_shape(shape, "shape")
        self.value_dtype = whole or policy.compute_dtype

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        key = "batch_shape" if self.flavour == "keras3" else "batch_input_shape"
        return {
            key: self.shape,
            "dtype": self.value_dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> Self:
        """Build from a config of either Keras.

        Raises:
            ArgumentError: no shape.
            ArgumentTypeError: an unknown key.
            UnsupportedError: a sparse, ragged or optional input.
        """
        arguments = dict(config)
        for key in ("sparse", "ragged", "optional"):
            if arguments.pop(key, False):
                raise UnsupportedError(f"{key}: an input layer with it is not supported")
        shapes = [arguments.pop(key) for key in ("batch_shape", "batch_input_shape") if arguments.get(key) is not None]
        if not shapes:
            raise ArgumentError("batch_shape: missing from the config of InputLayer")
        dtype, name = arguments.pop("dtype", None), arguments.pop("name", None)
        for key in ("batch_shape", "batch_input_shape", "trainable"):
            arguments.pop(key, None)
        if arguments:
            raise ArgumentTypeError(f"keyword argument not understood by InputLayer: {next(iter(arguments))!r}")
        return cls(shapes[0], dtype, name, flavour=flavour)


def _integer_dtype(identifier: Any) -> str | None:
    """The name of an integer dtype or bool, or None."""
    name = identifier if isinstance(identifier, str) else getattr(identifier, "name", None)
    return name if isinstance(name, str) and name in INTEGER_DTYPES else None


def _numbered_name() -> str:
    """Keras 2 counts inputs from one."""
    name = auto_name("input")
    return "input_1" if name == "input" else f"input_{int(name.rpartition('_')[2]) + 1}"
