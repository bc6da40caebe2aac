"""The RNN layer over LSTM cells: one, or several of which each feeds the next."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.layers.base import Layer, MaskRule
from lstm_ir.layers.flavour import check_flavour
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.serialization import object_dict, parse_object_config
from lstm_ir.layers.shapes import InputSpec, Shape, as_shape
from lstm_ir.layers.weights import Weight, WeightSpec

_LAYER_KEYS = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")


class RNN(Layer):
    """Keras's ``RNN(LSTMCell(...))`` and ``RNN([LSTMCell(...), ...])``: a stack of LSTMs in one layer.

    Args:
        cells: an `LSTM` for each cell, which says what the cell computes; its other settings are not looked at.
        return_sequences: return the last cell's output of every step.
        return_state: return the final h and c of every cell as well.
        go_backwards: visit the steps from the last to the first; of one cell only.
        stateful: start each call from the final state of the one before.
        unroll: compile without a loop.
        time_major: (time, batch, features).
        zero_output_for_mask: the output of masked steps is zero.
        **kwargs: those of `Layer`.

    Raises:
        ArgumentError: no cell.
        UnsupportedError: several cells with ``go_backwards``.
    """

    keras_class_name: ClassVar[str] = "RNN"
    auto_name_prefix: ClassVar[str] = "rnn"
    uses_mask: ClassVar[bool] = True

    def __init__(
        self,
        cells: Sequence[LSTM],
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
        if go_backwards and len(cells) > 1:
            raise UnsupportedError("go_backwards: an RNN of several cells with it is not supported")
        self.cells: tuple[LSTM, ...] = tuple(cells)
        self.is_stack = len(cells) > 1
        for position, cell in enumerate(self.cells):
            is_last = position == len(self.cells) - 1
            cell.return_sequences = return_sequences or not is_last
            cell.return_state = False
            cell.go_backwards, cell.unroll, cell.time_major = go_backwards, unroll, time_major
            cell.zero_output_for_mask = zero_output_for_mask and is_last
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.time_major, self.zero_output_for_mask = time_major, zero_output_for_mask
        self.input_spec = InputSpec(ndim=3)

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
        units = self.cells[-1].units
        output: Shape = (shape[0], shape[1], units) if self.return_sequences else (batch, units)
        states: list[Shape] = [(batch, cell.units) for cell in self.cells for _ in range(2)]
        return [output, *states] if self.return_state else output

    @property
    def mask_rule(self) -> MaskRule:
        """The incoming mask goes on with a sequence."""
        return "carry" if self.return_sequences else "drop"

    def masked_outputs(self) -> tuple[bool, ...]:
        """The sequence has a mask, the states have none."""
        return tuple(position == 0 for position, _ in enumerate(self.output_suffixes()))

    def output_suffixes(self) -> tuple[str, ...]:
        """The output, and with ``return_state`` h and c of every cell."""
        states = [
            f"{suffix}/{state}" if suffix else state for suffix, _ in self.recurrent_cells() for state in ("h", "c")
        ]
        return ("", *states) if self.return_state else ("",)

    def recurrent_cells(self) -> tuple[tuple[str, Layer], ...]:
        """The cells; of a stack ``cell_0``, ``cell_1`` ..."""
        if not self.is_stack:
            return (("", self.cells[0]),)
        return tuple((f"cell_{position}", cell) for position, cell in enumerate(self.cells))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        config = super().get_config() | {key: getattr(self, key) for key in _LAYER_KEYS}
        if self.flavour != "keras3":
            config["time_major"] = self.time_major
        if self.flavour == "keras3" or self.zero_output_for_mask:
            config["zero_output_for_mask"] = self.zero_output_for_mask
        dropped = (*_LAYER_KEYS, "time_major", "zero_output_for_mask", "activity_regularizer")
        cells = [
            object_dict("keras.layers", "LSTMCell", {k: v for k, v in cell.get_config().items() if k not in dropped})
            for cell in self.cells
        ]
        stacked = object_dict("keras.layers", "StackedRNNCells", {"cells": cells})
        return config | {"cell": stacked if self.is_stack else cells[0]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> Self:
        """Build from a config of this flavour.

        Raises:
            UnsupportedError: a cell that is not an LSTMCell, or ``constants``.
        """
        known = check_flavour(flavour or cls.default_flavour)
        arguments = dict(config)
        if arguments.pop("num_constants", 0):
            raise UnsupportedError("num_constants: constants are for custom cells, LSTMCell has none")
        cells = [LSTM.from_config(cell, flavour=known) for cell in cell_configs(arguments.pop("cell", None))]
        return cls(cells, **arguments, flavour=known)


def cell_configs(identifier: Any) -> list[dict[str, Any]]:
    """The configs of the LSTM cells in a Keras ``cell``: a cell, or a stack of cells.

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
    if class_name != "LSTMCell":
        raise UnsupportedError(f"cell: RNN of {class_name!r} is not supported, only of LSTMCell")
    return [config]
