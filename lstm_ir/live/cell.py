"""``layer.cell``: the attributes of the cell that a Keras LSTM layer holds."""

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lstm_ir import layers
from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.live.members import REFUSED_CELL_MEMBERS, RefusedMemberError
from lstm_ir.runtime.spec import numpy_dtype

Array = NDArray[Any]

_ARGUMENTS = (
    *("units", "activation", "recurrent_activation", "use_bias", "unit_forget_bias"),
    *("kernel_initializer", "recurrent_initializer", "bias_initializer"),
    *("kernel_regularizer", "recurrent_regularizer", "bias_regularizer"),
    *("kernel_constraint", "recurrent_constraint", "bias_constraint"),
    *("dropout", "recurrent_dropout", "seed", "implementation"),
)
_SHARED = frozenset(_ARGUMENTS) | {
    *("state_size", "output_size", "built", "trainable", "dtype_policy", "dtype", "compute_dtype", "variable_dtype"),
    *("weights", "trainable_weights", "non_trainable_weights", "get_weights", "set_weights", "count_params"),
    *("variables", "trainable_variables", "non_trainable_variables"),
}
_WEIGHTS = ("kernel", "recurrent_kernel", "bias")


class LSTMCell:
    """One step of an LSTM layer: Keras's ``layer.cell``, read through the layer that it belongs to.

    It has the attributes of Keras's cell: the constructor's arguments, ``state_size``, ``output_size``, the weights
    ``kernel``, ``recurrent_kernel`` and ``bias`` (None without a bias) once the layer is built, and the layer's dtypes
    and lists of weights. It computes nothing, because a step by itself is not compiled.
    """

    __slots__ = ("_layer",)

    def __init__(self, layer: layers.LSTM) -> None:
        self._layer = layer

    @property
    def name(self) -> str:
        """The scope of the weights' names."""
        return self._layer.weight_scope

    def __getattr__(self, name: str) -> Any:
        if name in _SHARED:
            return getattr(self._layer, name)
        if name in _WEIGHTS and self._layer.built:
            weights = self._layer.weights
            return weights[_WEIGHTS.index(name)] if name != "bias" or self._layer.use_bias else None
        if name in REFUSED_CELL_MEMBERS:
            raise RefusedMemberError(f"{name}: not a member of an LSTM's cell: {REFUSED_CELL_MEMBERS[name]}")
        why = ": the layer is not built" if name in _WEIGHTS else ""
        raise AttributeError(f"'LSTMCell' object has no attribute {name!r}{why}", name=name, obj=self)

    def __dir__(self) -> list[str]:
        weights = _WEIGHTS if self._layer.built else ()
        return sorted({*super().__dir__(), *_SHARED, *weights})

    def __repr__(self) -> str:
        return f"<LSTMCell of layer {self._layer.name!r} units={self._layer.units}>"

    def get_config(self) -> dict[str, Any]:
        """The cell's part of the layer's config, under the cell's name."""
        config = self._layer.get_config()
        wanted = ("trainable", "dtype", *_ARGUMENTS)
        return {"name": self.name} | {key: config[key] for key in wanted if key in config}

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> list[Array]:
        """Zeros for h and c, (batch, units) each.

        Args:
            inputs: Array whose first axis is the batch; None if the two others are given.
            batch_size: The batch, where there are no inputs.
            dtype: The states' dtype; None is that of the inputs, else the compute dtype.
        """
        return zero_states(self._layer, inputs, batch_size, dtype)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: a step by itself is not compiled.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            "cell: an LSTM's cell cannot be called by itself; call the layer with one step, inputs[:, None], and the "
            "states as initial_state"
        )

    def build(self, input_shape: Any) -> NoReturn:
        """Refuse: a cell is built with its layer.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError("cell: an LSTM's cell is built with its layer; call the layer's build(input_shape)")


def zero_states(layer: layers.LSTM, inputs: Any, batch_size: int | None, dtype: Any, *, axis: int = 0) -> list[Array]:
    """Return zeros for h and c, see `LSTMCell.get_initial_state`; ``axis`` of the inputs is the batch.

    Raises:
        ArgumentError: Neither inputs nor a batch, or inputs without that axis.
    """
    if inputs is not None:
        array = np.asarray(inputs)
        if array.ndim <= axis:
            raise ArgumentError(f"inputs: got shape {array.shape}, expected the batch on axis {axis}")
        batch_size, dtype = array.shape[axis], dtype or array.dtype
    if batch_size is None:
        raise ArgumentError("batch_size: got None and no inputs, expected one of them")
    known = numpy_dtype(layer.compute_dtype) if dtype is None else np.dtype(dtype)
    return [np.zeros((batch_size, layer.units), known) for _ in range(2)]
