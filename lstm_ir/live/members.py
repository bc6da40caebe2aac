"""Members of Keras's layers that ours refuse, those that can only be read, and those that are always empty."""

from typing import TYPE_CHECKING, Any

from lstm_ir import layers
from lstm_ir.errors import ArgumentError, LstmIrError, UnsupportedError
from lstm_ir.layers.shapes import as_shape


class RefusedMemberError(UnsupportedError, AttributeError):
    """A member that Keras's layers have and ours do not; ``hasattr`` is False."""


class ReadOnlyError(LstmIrError, AttributeError):
    """Assignment to a constructor argument that Keras's layer has as a property without a setter."""


_TRAINING = "nothing is trained here; regularisers are charged in losses, add others to them yourself"
_METRICS = "nothing is trained here; compute metrics from the outputs"
_WEIGHTS = "the weights of an LSTM are fixed by its arguments: kernel, recurrent_kernel and bias"
_GRAPH = "layers are called on arrays and not connected to a graph; lstm_ir.Sequential describes a model"
_QUANTIZED = "quantised weights are not supported"
_CELL = "a step and its dropout masks are inside the compiled module; call the layer with one step"
_NAMES = "there is no TensorFlow graph whose operations would have names"

REFUSED_MEMBERS = {
    "add_loss": _TRAINING,
    "add_metric": _METRICS,
    "add_update": _TRAINING,
    "add_variable": _WEIGHTS,
    "add_weight": _WEIGHTS,
    "call": "call the layer itself: layer(inputs, mask=, initial_state=, training=)",
    "compute_output_signature": "compute_output_shape gives the shape, compute_dtype the dtype",
    "get_input_at": _GRAPH,
    "get_input_mask_at": _GRAPH,
    "get_input_shape_at": _GRAPH,
    "get_output_at": _GRAPH,
    "get_output_mask_at": _GRAPH,
    "get_output_shape_at": _GRAPH,
    "inbound_nodes": _GRAPH,
    "input": _GRAPH,
    "input_mask": _GRAPH,
    "input_shape": _GRAPH,
    "load_own_variables": "use set_weights, or read a model file with lstm_ir.read_model",
    "name_scope": _NAMES,
    "outbound_nodes": _GRAPH,
    "output": _GRAPH,
    "output_mask": _GRAPH,
    "output_shape": _GRAPH,
    "save_own_variables": "use get_weights, or compile the layer into an artifact",
    "with_name_scope": _NAMES,
    # Keras 3 only
    "compute_output_spec": "compute_output_shape gives the shape, compute_dtype the dtype",
    "inner_loop": "the time loop is inside the compiled module",
    "quantize": _QUANTIZED,
    "quantized_build": _QUANTIZED,
    "quantized_call": _QUANTIZED,
    "rematerialized_call": "nothing is trained here",
    "stateless_call": "lstm_ir.compile(layer) gives a module that holds no state",
    "symbolic_call": _GRAPH,
}
"""Each refused member of Keras's LSTM layers, and why or what to use in its place."""

REFUSED_CELL_MEMBERS = {
    "call": _CELL,
    "get_dropout_mask_for_cell": _CELL,
    "get_recurrent_dropout_mask_for_cell": _CELL,
    "reset_dropout_mask": _CELL,
    "reset_recurrent_dropout_mask": _CELL,
}
"""The same for the cell of a layer."""

READ_ONLY = frozenset(
    ["units", "activation", "recurrent_activation", "use_bias", "unit_forget_bias", "dropout", "recurrent_dropout"]
    + [f"{weight}_{kind}" for weight in ("kernel", "recurrent", "bias") for kind in ("initializer", "regularizer")]
    + [f"{weight}_constraint" for weight in ("kernel", "recurrent", "bias")]
    + ["implementation"]
)
"""The arguments of an LSTM that belong to its cell in Keras, so that assigning them to the layer is an error."""


def check_writable(layer: layers.Layer, name: str) -> None:
    """Refuse a second assignment to an argument of the cell.

    Raises:
        ReadOnlyError: Of a layer that has it already.
    """
    if name in READ_ONLY and name in vars(layer):
        raise ReadOnlyError(f"{name}: cannot be assigned, as in Keras; construct another layer")


class KerasMembers(layers.Layer):
    """The members that Keras's layers inherit from their base, as far as they mean something without a graph."""

    if not TYPE_CHECKING:  # a type checker knows which members there are

        def __getattr__(self, name: str) -> Any:
            if name in REFUSED_MEMBERS:
                raise RefusedMemberError(f"{name}: not a member of lstm_ir layers: {REFUSED_MEMBERS[name]}")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    @property
    def metrics(self) -> list[Any]:
        """None: a layer has no metrics of its own."""
        return []

    @property
    def updates(self) -> list[Any]:
        """None: an LSTM has no updates."""
        return []

    @property
    def constants_spec(self) -> None:
        """None: an LSTM takes no constants."""
        return

    def finalize_state(self) -> None:
        """Do nothing, as Keras's LSTM does; new weights count from the next call on."""

    def get_build_config(self) -> dict[str, Any] | None:
        """Return what `build_from_config` takes; None before build."""
        return None if self.build_input_shape is None else {"input_shape": self.build_input_shape}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layer for the shape that `get_build_config` gave.

        Raises:
            ArgumentError: No ``input_shape``, or one that does not fit.
        """
        if "input_shape" not in config:
            raise ArgumentError(f"config: got the keys {sorted(config)}, expected input_shape")
        self.build(as_shape(config["input_shape"]))
