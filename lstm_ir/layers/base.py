"""The base of all layer descriptions: name, dtype, weights, configs; nothing that executes."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError, ArgumentTypeError, LstmIrError
from lstm_ir.layers.dtype_policy import resolve_dtype_policy, serialize_dtype_policy
from lstm_ir.layers.flavour import FLAVOURS, Flavour, check_flavour
from lstm_ir.layers.naming import auto_name
from lstm_ir.layers.regularizers import resolve_regularizer, serialize_regularizer
from lstm_ir.layers.shapes import InputSpec, Shape, as_shape
from lstm_ir.layers.weights import Weight, WeightSpec, assign_all

Array = NDArray[Any]

MaskRule = Literal["carry", "drop", "values", "masks"]
"""Where the masks of a layer's outputs come from.

carry: the first input's, for the outputs that `Layer.masked_outputs` names. drop: there is none. values: the layer
makes one from its input's values, and an incoming one is lost. masks: the layer makes one from its inputs' masks.
The last two go with a `Layer.compute_mask` on arrays, and with a build function that returns the mask.
"""

# Keywords that every layer takes beside name, trainable, dtype and activity_regularizer, by flavour.
_KERAS2_KEYWORDS = frozenset(
    ["input_dim", "input_shape", "batch_input_shape", "batch_size", "weights", "autocast", "dynamic", "implementation"]
)
_KERAS3_KEYWORDS = frozenset(["input_dim", "input_shape", "autocast"])


class Layer:
    """A layer of a Keras model as a description.

    Args:
        name: None takes the next automatic name (``lstm``, ``lstm_1``, ...).
        trainable: whether an optimiser may change the weights.
        dtype: dtype policy, see `resolve_dtype_policy`.
        activity_regularizer: penalty on everything that the layer returns.
        flavour: which Keras defines the layer; None is the class's ``default_flavour``.
        **kwargs: Keras's ``input_shape``, ``input_dim``, ``batch_input_shape``, ``batch_size``, ``weights``,
            ``autocast``, ``dynamic``.

    Attributes:
        built: whether the weights exist.
        batch_input_shape: the input's shape if the constructor was told, else None.

    Raises:
        ArgumentTypeError: an unknown keyword (in Keras 3 an `ArgumentError`), or a value of a wrong type.
    """

    keras_class_name: ClassVar[str] = "Layer"
    auto_name_prefix: ClassVar[str] = "layer"
    default_flavour: ClassVar[Flavour] = "compat.v1"
    accepted_flavours: ClassVar[tuple[Flavour, ...]] = FLAVOURS
    weight_scope: ClassVar[str] = ""
    supports_masking: ClassVar[bool] = True
    input_count: ClassVar[int | None] = 1
    """How many tensors it is called on; None: one or more."""
    output_batch_axis: ClassVar[int] = 0
    """The axis of the batch in its outputs; of sequences in the time-major layout 1 whatever it says."""
    takes_integers: ClassVar[bool] = False
    """Whether its inputs are numbers that name something, cast to int32."""
    uses_mask: ClassVar[bool] = False
    """Whether what it returns depends on the mask of its input."""
    mixes_rows: ClassVar[bool] = False
    """Whether what it returns of a sample may depend on other samples of the batch, in inference."""
    refuses_mask: bool = False
    """Whether it cannot be called on an input with a mask."""
    settings_version: int = 0
    """Counts the assignments to attributes, so that code compiled for a layer knows when it is out of date."""

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        activity_regularizer: Any = None,
        flavour: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.flavour: Flavour = check_flavour(self.default_flavour if flavour is None else flavour)
        if self.flavour not in self.accepted_flavours:
            accepted = " or ".join(map(repr, self.accepted_flavours))
            raise ArgumentError(f"flavour: got {self.flavour!r}, expected {accepted} in {type(self).__module__}")
        self._check_keywords(kwargs)
        if not isinstance(trainable, (bool, np.bool_)):
            raise ArgumentTypeError(f"trainable: got {trainable!r}, expected a bool")
        if name is not None and not isinstance(name, str):
            raise ArgumentTypeError(f"name: got {name!r}, expected a string or None")
        self.trainable = bool(trainable)
        self.dtype_policy = resolve_dtype_policy(dtype)
        self.activity_regularizer = resolve_regularizer(activity_regularizer, self.flavour, "activity_regularizer")
        self.autocast = kwargs.get("autocast", True)
        self.dynamic = kwargs.get("dynamic", False)
        self.batch_input_shape = self._declared_shape(kwargs)
        self.initial_weights = kwargs.get("weights")
        self.name = auto_name(self.auto_name_prefix) if name is None else name
        self.input_spec: InputSpec | None = None
        self.build_input_shape: Shape | None = None
        self._weights: list[Weight] = []
        self._set_up()

    def _set_up(self) -> None:
        """Prepare what a subclass keeps beside the description; it then needs no constructor of its own."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_"):
            super().__setattr__("settings_version", self.settings_version + 1)

    def _check_keywords(self, kwargs: Mapping[str, Any]) -> None:
        accepted = _KERAS3_KEYWORDS if self.flavour == "keras3" else _KERAS2_KEYWORDS
        unknown = [key for key in kwargs if key not in accepted]
        if unknown:
            error: type[LstmIrError] = ArgumentError if self.flavour == "keras3" else ArgumentTypeError
            raise error(f"keyword argument not understood by {self.keras_class_name}: {unknown[0]!r}")

    @staticmethod
    def _declared_shape(kwargs: Mapping[str, Any]) -> Shape | None:
        if kwargs.get("batch_input_shape") is not None:
            return as_shape(kwargs["batch_input_shape"], "batch_input_shape")
        shape = kwargs.get("input_shape")
        if shape is None and kwargs.get("input_dim") is not None:
            shape = (kwargs["input_dim"],)
        if shape is None:
            return None
        return as_shape((kwargs.get("batch_size"), *as_shape(shape)), "input_shape")

    # dtypes

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype of inputs, arithmetic and outputs."""
        return self.dtype_policy.compute_dtype

    # weights

    @property
    def built(self) -> bool:
        """Whether `build` has run."""
        return self.build_input_shape is not None

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape (with the batch axis; None where not known).

        Building again for a shape with the same weights does nothing.

        Raises:
            ArgumentError: the shape does not fit the layer, or its weights.
            ArgumentTypeError: not a shape, or an axis that must be known is not.
        """
        shape = as_shape(input_shape)
        if self.built:
            self.check_input_shape(shape)
            return
        specs = self._specs_for(shape)
        weights = [Weight(self._weight_name(spec), spec) for spec in specs]
        if self.initial_weights is not None:
            assign_all(weights, self.initial_weights, self.name)
            self.initial_weights = None
        self._weights = weights
        self.build_input_shape = shape

    def _specs_for(self, input_shape: Shape) -> tuple[WeightSpec, ...]:
        """Check an input shape and return the weights for it; may narrow `input_spec`."""
        return ()

    def _weight_name(self, spec: WeightSpec) -> str:
        suffix = "" if self.flavour == "keras3" else ":0"
        return "/".join(filter(None, (self.name, self.weight_scope, spec.name + suffix)))

    def check_input_shape(self, shape: Shape) -> None:
        """Refuse a shape that the layer, or its weights once built, cannot take.

        Raises:
            ArgumentError: it does not fit.
        """
        if self.input_spec is not None:
            self.input_spec.check(shape, self.name)

    @property
    def weights(self) -> list[Weight]:
        """All weights in Keras's order; empty before `build`."""
        return list(self._weights)

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights if the layer is trainable, else none."""
        return self.weights if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """The weights if the layer is not trainable, else none."""
        return [] if self.trainable else self.weights

    @property
    def variables(self) -> list[Weight]:
        """The same as `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Weight]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Weight]:
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

    def weight_specs(self) -> tuple[WeightSpec, ...]:
        """The specs of all weights in Keras's order; empty before `build`."""
        return tuple(weight.spec for weight in self.weights)

    def get_weights(self) -> list[Array]:
        """Copies of all weights in Keras's order; empty before `build`."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Set all weights, or none where one does not fit. Constraints are not applied.

        Raises:
            ArgumentError: the count or a shape differs.
            ArgumentTypeError: not a list of arrays of real numbers.
        """
        assign_all(self.weights, weights, self.name)

    def code_weights(self) -> dict[str, Array]:
        """The weights as compiled code reads them, by name: by default as Keras lays them out, named as their specs."""
        return {spec.name: value for spec, value in zip(self.weight_specs(), self.get_weights(), strict=True)}

    def count_params(self) -> int:
        """The number of scalars in all weights.

        Raises:
            ArgumentError: the layer is not built.
        """
        if not self.built:
            raise ArgumentError(f"count_params: layer {self.name!r} is not built, call build(input_shape) first")
        return sum(int(np.prod(weight.shape)) for weight in self.weights)

    # shapes and masks

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output, or a list of shapes where there are several outputs."""
        return as_shape(input_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask that the output carries on; by default the incoming one."""
        return mask

    @property
    def mask_rule(self) -> MaskRule:
        """Where the masks of the outputs come from, see `MaskRule`."""
        return "carry" if self.supports_masking else "drop"

    def masked_outputs(self) -> tuple[bool, ...]:
        """Of each output, whether it has a mask at all."""
        return tuple(True for _ in self.output_suffixes())

    def output_suffixes(self) -> tuple[str, ...]:
        """What follows the layer's name in the names of its outputs; empty for the first of most layers."""
        return ("",)

    def recurrent_cells(self) -> tuple[tuple[str, Any], ...]:
        """The `RecurrentLayer` of each scan that it runs, with what follows the layer's name in its own."""
        return ()

    # configs

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments as Keras of this flavour writes them, JSON-ready."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_dtype_policy(self.dtype_policy, self.flavour),
        }
        if self.batch_input_shape is not None and self.flavour != "keras3":
            config["batch_input_shape"] = self.batch_input_shape
        if self.activity_regularizer is not None and self.flavour == "keras3":
            config["activity_regularizer"] = serialize_regularizer(self.activity_regularizer)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> Self:
        """Build a layer from a config of this flavour; a missing key takes the flavour's default, as in Keras.

        Whoever reads a file should first check that no key is missing, as the importers do.

        Raises:
            ArgumentTypeError: an unknown key (in Keras 3 an `ArgumentError`).
        """
        return cls(**config, flavour=flavour)
