"""The RNN layer over cells of LSTM, GRU or SimpleRNN: one, or several of which each feeds the next."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.base import Layer, MaskRule
from lstm_ir.layers.flavour import check_flavour
from lstm_ir.layers.gru import GRU
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.recurrent_layer import RecurrentLayer
from lstm_ir.layers.serialization import object_dict, parse_object_config
from lstm_ir.layers.shapes import InputSpec, Shape, as_shape
from lstm_ir.layers.simple_rnn import SimpleRNN
from lstm_ir.layers.weights import Array, Weight, WeightSpec

CELL_CLASSES: dict[str, type[RecurrentLayer]] = {"LSTMCell": LSTM, "GRUCell": GRU, "SimpleRNNCell": SimpleRNN}
"""The layer that says what a cell computes, by the cell's Keras class name."""

_LAYER_KEYS = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")


class RNN(Layer):
    """Keras's ``RNN(LSTMCell(...))`` and ``RNN([LSTMCell(...), ...])``: a stack of recurrences in one layer.

    Args:
        cells: an `LSTM`, `GRU` or `SimpleRNN` for each cell, which says what the cell computes; its other settings are
            not looked at.
        return_sequences: return the last cell's output of every step.
        return_state: return the final h and c of every cell as well.
        go_backwards: visit the steps from the last to the first.
        stateful: start each call from the final state of the one before.
        unroll: compile without a loop.
        time_major: (time, batch, features).
        zero_output_for_mask: the output of masked steps is zero.
        **kwargs: those of `Layer`.

    Raises:
        ArgumentError: no cell.
        UnsupportedError: several cells with both ``go_backwards`` and ``unroll``.
    """

    keras_class_name: ClassVar[str] = "RNN"
    auto_name_prefix: ClassVar[str] = "rnn"
    uses_mask: ClassVar[bool] = True

    def __init__(
        self,
        cells: Sequence[RecurrentLayer],
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        time_major: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        if not cells:
            raise ArgumentError("cells: got none, expected one or more")
        super().__init__(**kwargs)
        if go_backwards and unroll and len(cells) > 1:
            # Unrolled, Keras then zeroes masked outputs in an order of its own.
            raise UnsupportedError("go_backwards: an RNN of several cells with it and unroll is not supported")
        self.cells: tuple[RecurrentLayer, ...] = tuple(cells)
        self.is_stack = len(cells) > 1
        for position, cell in enumerate(self.cells):
            cell.return_sequences = return_sequences or position < len(self.cells) - 1
            cell.return_state = False
            # The cells after the first see its outputs, which are in the order of the visits already.
            cell.go_backwards = go_backwards and position == 0
            cell.unroll, cell.time_major = unroll, time_major
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.time_major, self.zero_output_for_mask = time_major, zero_output_for_mask
        self.input_spec = InputSpec(ndim=3)

    @property
    def zero_output_for_mask(self) -> bool:
        """Whether the output of masked steps is zero; only the last cell's is, in between it holds."""
        return bool(self.cells[-1].zero_output_for_mask)

    @zero_output_for_mask.setter
    def zero_output_for_mask(self, value: bool) -> None:
        for cell in self.cells:
            cell.zero_output_for_mask = bool(value) and cell is self.cells[-1]

    @property
    def units(self) -> int:
        """The length of the output of one step."""
        return self.cells[-1].units

    @property
    def built(self) -> bool:
        """Whether all cells are built."""
        return all(cell.built for cell in self.cells)

    def build(self, input_shape: Any) -> None:
        """Build all cells, see `Layer.build`."""
        shape = as_shape(input_shape)
        self.check_input_shape(shape)
        self.build_input_shape = shape
        for cell in self.cells:
            cell.build(shape)
            shape = (shape[0], shape[1], cell.units)

    @property
    def weights(self) -> list[Weight]:
        """The weights of all cells."""
        return [weight for cell in self.cells for weight in cell.weights]

    def weight_specs(self) -> tuple[WeightSpec, ...]:
        """The specs of all weights, of a stack named ``cell_0/kernel`` ..."""
        return tuple(
            WeightSpec(f"{suffix}/{spec.name}" if suffix else spec.name, spec.shape, spec.dtype, spec.initializer)
            for suffix, cell in self.recurrent_cells()
            for spec in cell.weight_specs()
        )

    def check_input_shape(self, shape: Shape) -> None:
        """Refuse a shape that the first cell cannot take."""
        super().check_input_shape(shape)
        self.cells[0].check_input_shape(shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The last cell's output shape; if ``return_state`` a list of it and all states' shapes."""
        shape = as_shape(input_shape)
        batch = shape[1 if self.time_major else 0]
        output: Shape = (shape[0], shape[1], self.units) if self.return_sequences else (batch, self.units)
        states: list[Shape] = [(batch, cell.units) for cell in self.cells for _ in cell.state_names]
        return [output, *states] if self.return_state else output

    @property
    def mask_rule(self) -> MaskRule:
        """The incoming mask goes on with a sequence."""
        return "carry" if self.return_sequences else "drop"

    def masked_outputs(self) -> tuple[bool, ...]:
        """The sequence has a mask, the states have none."""
        return tuple(position == 0 for position, _ in enumerate(self.output_suffixes()))

    def output_suffixes(self) -> tuple[str, ...]:
        """The output, and with ``return_state`` the states of every cell."""
        states = [
            f"{suffix}/{state}" if suffix else state
            for suffix, cell in self.recurrent_cells()
            for state in cell.state_names
        ]
        return ("", *states) if self.return_state else ("",)

    def recurrent_cells(self) -> tuple[tuple[str, RecurrentLayer], ...]:
        """The cells; of a stack ``cell_0``, ``cell_1`` ..."""
        if not self.is_stack:
            return (("", self.cells[0]),)
        return tuple((f"cell_{position}", cell) for position, cell in enumerate(self.cells))

    def code_weights(self) -> dict[str, Array]:
        """Those of every cell."""
        return {
            f"{suffix}/{name}" if suffix else name: value
            for suffix, cell in self.recurrent_cells()
            for name, value in cell.code_weights().items()
        }

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        config = super().get_config() | {key: getattr(self, key) for key in _LAYER_KEYS}
        if self.flavour != "keras3":
            config["time_major"] = self.time_major
        if self.flavour == "keras3" or self.zero_output_for_mask:
            config["zero_output_for_mask"] = self.zero_output_for_mask
        dropped = (*_LAYER_KEYS, "time_major", "zero_output_for_mask", "activity_regularizer")
        cells = [
            object_dict(
                "keras.layers",
                f"{cell.keras_class_name}Cell",
                {k: v for k, v in cell.get_config().items() if k not in dropped},
            )
            for cell in self.cells
        ]
        stacked = object_dict("keras.layers", "StackedRNNCells", {"cells": cells})
        return config | {"cell": stacked if self.is_stack else cells[0]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> Self:
        """Build from a config of this flavour.

        Raises:
            UnsupportedError: a cell that is not in `CELL_CLASSES`, or ``constants``.
        """
        known = check_flavour(flavour or cls.default_flavour)
        arguments = dict(config)
        if arguments.pop("num_constants", 0):
            raise UnsupportedError("num_constants: constants are for custom cells, those of Keras have none")
        cells = [
            CELL_CLASSES[name].from_config(cell, flavour=known)
            for name, cell in cell_configs(arguments.pop("cell", None))
        ]
        return cls(cells, **arguments, flavour=known)


def cell_configs(identifier: Any) -> list[tuple[str, dict[str, Any]]]:
    """The classes and configs of the cells in a Keras ``cell``: a cell, or a stack of cells.

    Raises:
        ArgumentError: not an object dict.
        UnsupportedError: another cell.
    """
    if not isinstance(identifier, Mapping):
        raise ArgumentError(f"cell: got {identifier!r}, expected an object dict")
    class_name, config = parse_object_config(identifier, "cell")
    if class_name == "StackedRNNCells":
        if config.get("reverse_state_order"):
            raise UnsupportedError("cell: StackedRNNCells with reverse_state_order is not supported")
        return [inner for cell in config.get("cells", ()) for inner in cell_configs(cell)]
    if class_name not in CELL_CLASSES:
        raise UnsupportedError(f"cell: RNN of {class_name!r} is not supported, only of {', '.join(CELL_CLASSES)}")
    return [(class_name, config)]
