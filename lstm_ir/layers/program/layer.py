"""A program as a model: one layer that runs all of it."""

from typing import Any, ClassVar

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.base import Layer
from lstm_ir.layers.functional import Functional
from lstm_ir.layers.graph import Call, output_names_of
from lstm_ir.layers.input_layer import InputLayer
from lstm_ir.layers.program.sizes import Size
from lstm_ir.layers.program.values import Program
from lstm_ir.layers.weights import Weight, WeightSpec


class TensorProgram(Layer):
    """A program as a layer; its constants are the weights.

    Args:
        program: the program.
    """

    keras_class_name: ClassVar[str] = "TensorProgram"
    input_count: ClassVar[int | None] = None
    supports_masking: ClassVar[bool] = False
    mixes_rows: ClassVar[bool] = True

    def __init__(self, program: Program) -> None:
        super().__init__(name=program.name, dtype=program.dtype)
        self.program = program
        self._weights = []
        for name, array in program.constants.items():
            weight = Weight(name, WeightSpec(name, array.shape, str(array.dtype)))
            weight.assign(array)
            self._weights.append(weight)
        self.build_input_shape = ()

    def build(self, input_shape: Any) -> None:
        """Do nothing: a program is made for its inputs' shapes."""

    def output_suffixes(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return tuple(self.program.outputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs, None for open sizes."""
        return [closed(value.shape) for value in self.program.outputs.values()]

    def get_config(self) -> dict[str, Any]:
        """Refuse: a program has no config.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(f"model {self.name!r} is a graph of tensor operations, which has no Keras config")


class ProgramModel(Functional):
    """A model that is one program.

    Args:
        program: the program.
    """

    foreign_source = "onnx"

    def __init__(self, program: Program) -> None:
        layer = TensorProgram(program)
        inputs = [
            InputLayer(closed(value.shape), "int32" if value.is_integer else program.dtype, name)
            for name, value in program.inputs.items()
        ]
        outputs = output_names_of(layer, layer.name)
        call = Call(layer, tuple(program.inputs), outputs, layer.name)
        super().__init__(inputs, [call], outputs, program.name, output_names=tuple(program.outputs))
        self.program = program

    def get_config(self) -> dict[str, Any]:
        """Refuse, see `TensorProgram.get_config`.

        Raises:
            UnsupportedError: always.
        """
        return self.calls[0].layer.get_config()


def closed(shape: tuple[Size, ...]) -> tuple[int | None, ...]:
    """Return a shape with None for sizes that are not known."""
    return tuple(size if isinstance(size, int) else None for size in shape)
