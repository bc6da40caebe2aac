"""Layers that execute: Keras's ``LSTM`` and ``Bidirectional`` on arrays, compiled on the first call.

The descriptions in ``lstm_ir.layers`` say what a layer is; here it gets ``__call__``, ``states``, ``reset_states`` and
``losses``. Python only checks, converts and keeps state: everything numeric is in the compiled module.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm_ir import layers
from lstm_ir.errors import (
    ArgumentError,
    ArgumentTypeError,
    InvalidArgumentError,
    LstmIrError,
    UnsupportedError,
)
from lstm_ir.runtime import Module

Array = NDArray[Any]

CACHED_MODULES = 8
"""How many modules a layer keeps: of each length for an unrolled layer, and with dropout or without."""


class NotStatefulError(LstmIrError, AttributeError):
    """``reset_states`` of a layer that keeps no state; Keras raises AttributeError."""


class NotAFlagError(LstmIrError, AttributeError):
    """``training`` is neither true nor false; Keras raises AttributeError."""


class LiveRecurrent(layers.Layer):
    """What `LSTM` and `Bidirectional` share: the call, the compiled modules, the state."""

    stateful: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.RLock()
        self._modules: OrderedDict[tuple[int | None, bool], Module] = OrderedDict()
        self._compiled_for: tuple[int, ...] = ()
        self._states: list[Array] | None = None
        self._activity_losses: list[list[Any]] = []

    @property
    def cells(self) -> list[layers.LSTM]:
        """The LSTMs inside, forward before backward."""
        raise NotImplementedError  # each of the two classes says which it has

    # call

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        constants: Any = None,
        *,
        mask: Any = None,
        training: Any = None,
        seed: int | None = None,
    ) -> Any:
        """Run the layer.

        Args:
            inputs: Array (batch, time, features), or (time, batch, features) if ``time_major``; or a list
                ``[x, h, c]`` with the initial states.
            initial_state: List of the initial states, (batch, units) each; None is zeros.
            constants: None; an LSTM takes none.
            mask: Array (batch, time), in the input's order of axes; a step counts where it is not 0.
            training: Whether dropout is active.
            seed: What dropout masks are drawn from; the same seed gives the same masks. None draws a fresh one.

        Returns:
            The output, or a list of output and states if ``return_state`` (a tuple in Keras 3).

        Raises:
            ArgumentError: A wrong rank, shape or count.
            ArgumentTypeError: A wrong type or dtype.
            InvalidArgumentError: States or steps that do not fit the inputs.
            NotAFlagError: ``training`` is neither true nor false.
            UnsupportedError: Constants.
        """
        x, initial = self._split_inputs(inputs, initial_state)
        if constants is not None and len(constants):
            raise UnsupportedError("constants: an LSTM takes none")
        draws = self._draws_masks(training)
        with self._lock:
            if not self.built:
                self.build(x.shape)
            self.check_input_shape(x.shape)
            time_axis = 0 if self.cells[0].time_major else 1
            if x.shape[time_axis] == 0:
                raise InvalidArgumentError(f"inputs: layer {self.name!r} needs at least 1 step, got 0")
            given = self._check_initial_state(initial, x.shape[1 - time_axis])
            module = self._module(x.shape[time_axis], draws)
            options = {"mask": self._first_mask(mask), **({"seed": seed} if draws else {})}
            values = self._run(module, x, options, given, x.shape[1 - time_axis])
            self._activity_losses = self._penalties(values)
        if len(values) == 1:
            return values[0]
        return tuple(values) if self.flavour == "keras3" else values

    def _split_inputs(self, inputs: Any, initial_state: Any) -> tuple[Array, Sequence[Any]]:
        """Return x, and the initial states however they were given; an empty list is none."""
        states = [] if initial_state is None else initial_state
        if not isinstance(states, list | tuple):
            states = [states]
        if isinstance(inputs, tuple):
            raise ArgumentError("inputs: got a tuple, expected an array or a list [x, h, c]")
        if isinstance(inputs, list):
            if not inputs:
                raise ArgumentError("inputs: got an empty list, expected an array or a list [x, h, c]")
            if len(inputs) > 1 and len(states):
                raise ArgumentError("initial_state: given twice, in the list of inputs and by keyword")
            inputs, *more = inputs
            states = more or states
        if isinstance(inputs, list | tuple | str | bytes) or np.ndim(inputs) == 0:
            raise ArgumentTypeError(f"inputs: got {type(inputs).__name__}, expected an array")
        x = np.asarray(inputs)
        if x.dtype.kind != "f" and x.dtype.name != "bfloat16":
            raise ArgumentTypeError(f"inputs: got dtype {x.dtype}, expected floating ({self.compute_dtype})")
        return x, states

    def _first_mask(self, mask: Any) -> Any:
        """Return the mask; Keras takes the first of a list of masks."""
        if isinstance(mask, list | tuple):
            if not mask or not hasattr(mask[0], "shape"):
                raise ArgumentTypeError("mask: got a list, expected an array (batch, time) or a list of one such array")
            return mask[0]
        return mask

    def _draws_masks(self, training: Any) -> bool:
        """Return whether this call draws dropout masks."""
        rates = [rate for cell in self.cells for rate in (cell.dropout, cell.recurrent_dropout)]
        if training is None or not any(rates):
            return False
        if not isinstance(training, bool | np.bool_ | int) or training not in (0, 1):
            raise NotAFlagError(f"training: got {training!r}, expected True or False")
        if training and 1.0 in rates:
            raise ArgumentError(f"dropout: layer {self.name!r} drops everything; in training a rate must be below 1")
        return bool(training)

    def _check_initial_state(self, states: Sequence[Any], batch: int) -> list[Array] | None:
        if not len(states):
            return None
        cells = self.cells
        wanted = 2 * len(cells)
        if len(states) != wanted:
            raise ArgumentError(f"initial_state: layer {self.name!r} has {wanted} states, got {len(states)}")
        checked = []
        for number, state in enumerate(states):
            array = np.asarray(state)
            shape = (batch, cells[number // 2].units)
            if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
                raise ArgumentTypeError(f"initial_state[{number}]: got dtype {array.dtype}, expected floating")
            if array.shape != shape:
                raise InvalidArgumentError(f"initial_state[{number}]: got shape {array.shape}, expected {shape}")
            checked.append(array)
        return checked

    def _run(
        self, module: Module, x: Array, options: dict[str, Any], given: list[Array] | None, batch: int
    ) -> list[Array]:
        """Call the module; of a stateful layer, start from the stored states and store the new ones."""
        if not self.stateful:
            result = module(x, initial_state=given, **options)
            return result if isinstance(result, list) else [result]
        stored = self._stored_states(batch)
        if given is not None:
            stored = self._starting_states(stored, given)
        handle = module.make_state(batch)
        handle.set(stored)
        result = module(x, state=handle, **options)
        self._states = [state.astype(self.variable_dtype) for state in handle.numpy().values()]
        return result if isinstance(result, list) else [result]

    def _starting_states(self, stored: list[Array], given: list[Array]) -> list[Array]:
        """Return the states to start from; Keras 1 and 2 take given ones only where a cell's stored ones are zero."""
        if self.flavour == "keras3":
            return given
        starting: list[Array] = []
        for first in range(0, len(stored), 2):
            pair = slice(first, first + 2)
            starting += stored[pair] if any(state.any() for state in stored[pair]) else given[pair]
        return starting

    def _module(self, time: int, training: bool) -> Module:
        """Return the compiled module, compiling on the first call and after the weights changed."""
        from lstm_ir.compiler import compile as compile_layer

        versions = tuple(weight.version for weight in self.weights)
        if versions != self._compiled_for:
            self._modules.clear()
            self._compiled_for = versions
        length = time if any(cell.unroll for cell in self.cells) else None
        key = (length, training)
        if key not in self._modules:
            self._modules[key] = compile_layer(self, time=length, training=training)
            if len(self._modules) > CACHED_MODULES:
                self._modules.popitem(last=False)
        self._modules.move_to_end(key)
        return self._modules[key]

    # state

    def _stored_states(self, batch: int) -> list[Array]:
        if self._states is None:
            self._states = [np.zeros((batch, cell.units), self.variable_dtype) for cell in self.cells for _ in range(2)]
        return self._states

    @property
    def states(self) -> list[Array | None]:
        """The recorded states, h and c of each direction; None for each before build, or if not stateful."""
        if not self.stateful or not self.built:
            return [None, None] * len(self.cells)
        batch = self._fixed_batch()
        return [state.copy() for state in self._stored_states(batch)]

    def _fixed_batch(self) -> int:
        shape = self.build_input_shape
        batch = None if shape is None else shape[1 if self.cells[0].time_major else 0]
        if batch is None:
            raise ArgumentError(
                f"layer {self.name!r} is stateful and needs to know its batch size; build it with a full input shape"
            )
        return batch

    def reset_states(self, states: Any = None) -> None:
        """Set the recorded states, all or none.

        Args:
            states: A list of arrays (batch, units), h and c of each direction; None is zeros.

        In Keras 3 the states can only be set to zero, and the call is accepted whether or not there are any.

        Raises:
            NotStatefulError: The layer is not stateful.
            ArgumentError: The layer is not built, or the states do not fit.
            ArgumentTypeError: States are given to a layer of Keras 3.
        """
        if self.flavour == "keras3":
            if states is not None:
                raise ArgumentTypeError(f"reset_states: layer {self.name!r} is of Keras 3, which takes no states here")
            with self._lock:
                self._states = None
            return
        if not self.stateful:
            raise NotStatefulError(f"reset_states: layer {self.name!r} must be stateful")
        with self._lock:
            batch = self._fixed_batch()
            if states is None:
                self._states = None
                return
            # One stacked array counts as one state, as in Keras.
            items = list(states) if isinstance(states, list | tuple) else [states]
            wanted = [(batch, cell.units) for cell in self.cells for _ in range(2)]
            if len(items) != len(wanted):
                raise ArgumentError(
                    f"reset_states: layer {self.name!r} expects {len(wanted)} states, but it received {len(items)}"
                )
            checked = []
            for number, (item, shape) in enumerate(zip(items, wanted, strict=True)):
                if item is None:
                    raise NotStatefulError(f"reset_states: state {number} is None, expected an array {shape}")
                array = np.asarray(item)
                if array.shape != shape or array.dtype.kind not in "fiub":
                    raise ArgumentError(
                        f"reset_states: state {number} is incompatible with layer {self.name!r}: expected shape "
                        f"{shape}, found {array.shape} of {array.dtype}"
                    )
                checked.append(array.astype(self.variable_dtype))
            self._states = checked

    # losses

    def _penalties(self, values: Sequence[Array]) -> list[list[Any]]:
        """Return the penalties of what a call returned: this layer's own, then those of each layer inside."""
        return [_activity_penalties(self, values)]

    @property
    def losses(self) -> list[Any]:
        """Penalties: of everything the latest call returned, then of kernel, recurrent kernel and bias."""
        return [*(penalty for group in self._activity_losses for penalty in group), *_weight_penalties(self)]

    def apply_constraints(self) -> None:
        """Apply each weight's constraint to it, as an optimiser does after an update."""
        for weight in self.weights:
            if weight.spec.constraint is not None:
                weight.assign(weight.spec.constraint(weight.numpy()))


class LSTM(LiveRecurrent, layers.LSTM):
    """Keras's LSTM layer (tf.compat.v1 by default), compiled on its first call. See `lstm_ir.layers.LSTM`."""

    @property
    def cells(self) -> list[layers.LSTM]:
        """This layer itself."""
        return [self]


class Bidirectional(LiveRecurrent, layers.Bidirectional):
    """Keras's Bidirectional wrapper, compiled on its first call. See `lstm_ir.layers.Bidirectional`."""

    layer_class: ClassVar[type[layers.LSTM]] = LSTM

    @property
    def cells(self) -> list[layers.LSTM]:
        """The forward and the backward layer."""
        return [self.forward_layer, self.backward_layer]

    def _penalties(self, values: Sequence[Array]) -> list[list[Any]]:
        groups = super()._penalties(values)
        if self._has_inner_penalties and self._returns_both_directions:
            groups += [_activity_penalties(*pair) for pair in zip(self.cells, self._by_direction(values), strict=True)]
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
        weights = [_weight_penalties(cell, trainable=self.trainable) for cell in self.cells]
        groups = [*inner, *weights] if self.flavour == "keras3" else [inner[0], weights[0], inner[1], weights[1]]
        return [*own, *(penalty for group in groups for penalty in group)]


def _activity_penalties(layer: layers.Layer, values: Sequence[Array]) -> list[Any]:
    """Return a layer's penalty of each value it returned, by the length of the value's first axis."""
    penalty = layer.activity_regularizer
    if penalty is None:
        return []
    return [penalty(value) / value.shape[0] if value.shape[0] else value.dtype.type(0) for value in values]


def _weight_penalties(layer: layers.Layer, *, trainable: bool = True) -> list[Any]:
    """Return the penalties of a layer's weights; Keras 3 leaves out those that are not trained."""
    if layer.flavour == "keras3" and not (trainable and layer.trainable):
        return []
    regularized = ((weight.spec.regularizer, weight) for weight in layer.weights)
    return [regularizer(weight.numpy()) for regularizer, weight in regularized if regularizer is not None]
