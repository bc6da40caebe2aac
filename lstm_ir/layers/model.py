"""Sequential models, and layers by their class names."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from lstm_ir.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from lstm_ir.layers.activation_layer import ActivationLayer
from lstm_ir.layers.activation_layers import ELU, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from lstm_ir.layers.attach_mask import AttachMask
from lstm_ir.layers.attention import AdditiveAttention, Attention, Dot
from lstm_ir.layers.base import Layer
from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.convolution import Conv1D
from lstm_ir.layers.cudnn_gru import CuDNNGRU
from lstm_ir.layers.cudnn_lstm import CuDNNLSTM
from lstm_ir.layers.dense import Dense
from lstm_ir.layers.dropout import Dropout
from lstm_ir.layers.embedding import Embedding
from lstm_ir.layers.flavour import check_flavour
from lstm_ir.layers.folded_steps import FoldSteps, UnfoldSteps, ZeroStates
from lstm_ir.layers.graph import Call, Model, output_names_of
from lstm_ir.layers.gru import GRU
from lstm_ir.layers.inference_identity import (
    ActivityRegularization,
    AlphaDropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
)
from lstm_ir.layers.input_layer import InputLayer
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.masking import Masking
from lstm_ir.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from lstm_ir.layers.naming import auto_name
from lstm_ir.layers.normalization import BatchNormalization, LayerNormalization
from lstm_ir.layers.pooling import AveragePooling1D, GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D
from lstm_ir.layers.reshaping import (
    Cropping1D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    ZeroPadding1D,
)
from lstm_ir.layers.rnn import RNN
from lstm_ir.layers.serialization import object_dict, parse_object_config
from lstm_ir.layers.shapes import Shape, as_shape
from lstm_ir.layers.simple_rnn import SimpleRNN
from lstm_ir.layers.stack_states import StackStates
from lstm_ir.layers.tensor_operations import Affine, GetItem
from lstm_ir.layers.time_distributed import TimeDistributed

_CLASSES: tuple[type[Layer], ...] = (
    InputLayer, Masking, Embedding, LSTM, CuDNNLSTM, GRU, CuDNNGRU, SimpleRNN, Bidirectional, RNN, TimeDistributed,
    Dense, Conv1D,
    ActivationLayer, ReLU, LeakyReLU, ELU, PReLU, Softmax, ThresholdedReLU,
    Dropout, SpatialDropout1D, GaussianDropout, GaussianNoise, AlphaDropout, ActivityRegularization,
    BatchNormalization, LayerNormalization,
    MaxPooling1D, AveragePooling1D, GlobalMaxPooling1D, GlobalAveragePooling1D,
    Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate,
    Dot, Attention, AdditiveAttention,
    Reshape, Flatten, Permute, RepeatVector, Cropping1D, ZeroPadding1D, UpSampling1D,
)  # fmt: skip

LAYER_CLASSES: dict[str, type[Layer]] = {cls.keras_class_name: cls for cls in _CLASSES}
"""The layers that can be compiled, by Keras class name."""

OWN_LAYER_CLASSES: dict[str, type[Layer]] = {
    cls.keras_class_name: cls for cls in (StackStates, Affine, GetItem, FoldSteps, UnfoldSteps, ZeroStates, AttachMask)
}
"""Layers that importers use and Keras does not have: in our own configs, and in no file of Keras."""


def layer_from_config(identifier: Any, *, flavour: str | None = None, argument: str = "layer") -> Layer:
    """Build a layer from its Keras object dict.

    Raises:
        ArgumentError: not an object dict.
        UnsupportedError: a layer that cannot be compiled.
    """
    if not isinstance(identifier, Mapping):
        raise ArgumentError(f"{argument}: got {identifier!r}, expected an object dict")
    class_name, config = parse_object_config(identifier, argument)
    if class_name in OWN_LAYER_CLASSES:
        return OWN_LAYER_CLASSES[class_name].from_config(config, flavour=flavour)
    if class_name not in LAYER_CLASSES:
        raise UnsupportedError(
            f"{argument}: the layer {class_name!r} is not supported, expected one of {', '.join(LAYER_CLASSES)}"
        )
    return LAYER_CLASSES[class_name].from_config(config, flavour=flavour)


class Sequential(Model):
    """Layers that each feed the next; the last one may have several outputs.

    Args:
        layers: one or more layers; an `InputLayer` may only be the first.
        name: None takes the next automatic name.

    Attributes:
        input_layer: the `InputLayer`, or None.
        layers: all the others, in order.

    Raises:
        ArgumentError: no layer, two layers of one name, an `InputLayer` that is not the first, or a layer with several
            outputs that is not the last.
        ArgumentTypeError: something that is not a layer.
    """

    keras_class_name: ClassVar[str] = "Sequential"

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        layers = list(layers)
        for position, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise ArgumentTypeError(f"layers[{position}]: got {layer!r}, expected a layer")
            if isinstance(layer, InputLayer) and position:
                raise ArgumentError(f"layers[{position}]: an InputLayer can only come first")
        self.input_layer = layers.pop(0) if layers and isinstance(layers[0], InputLayer) else None
        if not layers:
            raise ArgumentError("layers: got none, expected one or more layers")
        names = [layer.name for layer in layers]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ArgumentError(f"layers: {twice[0]!r} names two layers, expected different names")
        for layer in layers[:-1]:
            if getattr(layer, "return_state", False) or getattr(layer, "merge_mode", "concat") is None:
                raise ArgumentError(f"layers: {layer.name!r} has several outputs, only the last layer may")
        self._layers: tuple[Layer, ...] = tuple(layers)
        self.name = auto_name("sequential") if name is None else name

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, without the input layer."""
        return self._layers

    @property
    def inputs(self) -> tuple[InputLayer, ...]:
        """The input layer, or one for what the first layer says."""
        if isinstance(self.input_layer, InputLayer):
            return (self.input_layer,)
        return (InputLayer(self.input_shape, self.input_dtype, self.input_name, flavour=self.flavour),)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Each layer, called on the first output of the one before."""
        calls: list[Call] = []
        before = self.input_name
        for layer in self._layers:
            outputs = output_names_of(layer, layer.name)
            if before == outputs[0]:  # an input that is named as the layer after it
                outputs = (f"{outputs[0]}:0", *outputs[1:])
            calls.append(Call(layer, (before,), outputs, layer.name))
            before = outputs[0]
        return tuple(calls)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what the last layer returns."""
        return self.calls[-1].outputs

    @property
    def output_names(self) -> tuple[str, ...]:
        """The last layer's name, and those of the states that it returns."""
        return output_names_of(self._layers[-1], self._layers[-1].name)

    @property
    def input_shape(self) -> Shape:
        """The input's shape with the batch axis, None for axes that are not fixed.

        Raises:
            ArgumentError: not built, and neither an input layer nor the first layer says it.
        """
        first = self.layers[0]
        declared = self.input_layer.shape if isinstance(self.input_layer, InputLayer) else None
        for shape in (declared, first.build_input_shape, first.batch_input_shape):
            if shape is not None:
                return shape
        raise ArgumentError(f"model {self.name!r} is not built, call build(input_shape) first")

    @property
    def input_dtype(self) -> str:
        """The dtype of the input: the input layer's, else that of the first layer's weights as in Keras."""
        if isinstance(self.input_layer, InputLayer):
            return self.input_layer.value_dtype
        return self.layers[0].variable_dtype

    @property
    def input_name(self) -> str:
        """The name of the input: the input layer's, else ``x``."""
        return self.input_layer.name if self.input_layer is not None else "x"

    def build(self, input_shape: Any = None) -> None:
        """Build all layers, each for the output of the one before.

        Args:
            input_shape: with the batch axis; None takes `input_shape`.

        Raises:
            ArgumentError: a shape that does not fit a layer, or none known.
        """
        shape = self.input_shape if input_shape is None else as_shape(input_shape)
        for layer in self.layers:
            layer.build(shape)
            shape = as_shape(layer.compute_output_shape(shape))

    def get_config(self) -> dict[str, Any]:
        """Name and layers, the input layer first where there is one."""
        layers = [self.input_layer, *self.layers] if self.input_layer is not None else list(self.layers)
        return {
            "name": self.name,
            "layers": [object_dict("keras.layers", la.keras_class_name, la.get_config()) for la in layers],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, flavour: str | None = None) -> "Sequential":
        """Build from what `get_config` gives.

        Raises:
            ArgumentError: no list of layers.
            UnsupportedError: a layer that cannot be compiled.
        """
        known = None if flavour is None else check_flavour(flavour)
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ArgumentError(f"layers: got {layers!r}, expected a list of layer configs")
        built = [layer_from_config(la, flavour=known, argument=f"layers[{i}]") for i, la in enumerate(layers)]
        return cls(built, config.get("name"))
