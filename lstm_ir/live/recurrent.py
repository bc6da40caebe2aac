"""What executing layers share: the call, the compiled modules, the losses."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import (
    ArgumentError,
    ArgumentTypeError,
    InvalidArgumentError,
    LstmIrError,
    UnsupportedError,
)
from lstm_ir.live.copying import Copying
from lstm_ir.live.masking import attached_mask, with_mask
from lstm_ir.live.members import KerasMembers
from lstm_ir.live.penalties import activity_penalties, weight_penalties
from lstm_ir.live.recorded_states import RecordedStates
from lstm_ir.runtime import Module

Array = NDArray[Any]

CACHED_MODULES = 8
"""How many modules a layer keeps: of each length for an unrolled layer, and with dropout or without."""


class NotAFlagError(LstmIrError, AttributeError):
    """``training`` is neither true nor false; Keras raises AttributeError."""


class LiveRecurrent(Copying, RecordedStates, KerasMembers):
    """What `LSTM` and `Bidirectional` share: the call, the compiled modules, the state."""

    def _set_up(self) -> None:
        super()._set_up()
        self._modules: OrderedDict[tuple[int | None, bool], Module] = OrderedDict()
        self._compiled_for: tuple[int, ...] = ()
        self._activity_losses: list[list[Any]] = []

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
            mask: Array (batch, time), in the input's order of axes; a step counts where it is not 0. None takes the
                mask attached to the inputs, as by `Masking`.
            training: Whether dropout is active.
            seed: What dropout masks are drawn from; the same seed gives the same masks. None draws a fresh one.

        Returns:
            The output, or a list of output and states if ``return_state`` (a tuple in Keras 3). A sequence that was
            masked carries its mask on.

        Raises:
            ArgumentError: A wrong rank, shape or count.
            ArgumentTypeError: A wrong type or dtype.
            InvalidArgumentError: States or steps that do not fit the inputs.
            NotAFlagError: ``training`` is neither true nor false.
            UnsupportedError: Constants.
        """
        x, initial = self._split_inputs(inputs, initial_state)
        mask = self._first_mask(mask)
        if mask is None:
            mask = attached_mask(inputs[0] if isinstance(inputs, list) else inputs)
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
            options = {"mask": mask, **({"seed": seed} if draws else {})}
            values = self._run(module, x, options, given, x.shape[1 - time_axis])
            self._activity_losses = self._penalties(values)
        if mask is not None and self.cells[0].return_sequences:
            values = self._carry_mask(values, np.asarray(mask))
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

    def _carry_mask(self, values: list[Array], mask: Array) -> list[Array]:
        """Return what a call returned with the mask attached to each sequence."""
        sequences = len(values) - (2 * len(self.cells) if self.cells[0].return_state else 0)
        return [with_mask(value, mask) if number < sequences else value for number, value in enumerate(values)]

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

    def _module(self, time: int, training: bool) -> Module:
        """Return the compiled module, compiling on the first call and after weights or attributes changed."""
        from lstm_ir.compiler import compile as compile_layer

        settings = (layer.settings_version for layer in (self, *self.cells))
        versions = (*(weight.version for weight in self.weights), *settings)
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

    # losses

    def _penalties(self, values: Sequence[Array]) -> list[list[Any]]:
        """Return the penalties of what a call returned: this layer's own, then those of each layer inside."""
        return [activity_penalties(self, values)]

    @property
    def losses(self) -> list[Any]:
        """Penalties: of everything the latest call returned, then of kernel, recurrent kernel and bias."""
        return [*(penalty for group in self._activity_losses for penalty in group), *weight_penalties(self)]

    def apply_constraints(self) -> None:
        """Apply each weight's constraint to it, as an optimiser does after an update."""
        for weight in self.weights:
            if weight.spec.constraint is not None:
                weight.assign(weight.spec.constraint(weight.numpy()))
