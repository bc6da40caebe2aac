"""Layer descriptions with Keras's constructors, configs, weights and shapes; nothing here executes a layer."""

from lstm_ir.layers.activation_layer import ActivationLayer
from lstm_ir.layers.activations import Activation, resolve_activation, serialize_activation
from lstm_ir.layers.base import Layer
from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.dense import Dense
from lstm_ir.layers.dropout import Dropout
from lstm_ir.layers.dtype_policy import DTypePolicy, resolve_dtype_policy
from lstm_ir.layers.flavour import FLAVOURS, Flavour
from lstm_ir.layers.functional import Functional, FunctionalBuilder
from lstm_ir.layers.graph import Call, Model, Recurrence
from lstm_ir.layers.input_layer import InputLayer
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.masking import Masking
from lstm_ir.layers.model import LAYER_CLASSES, Sequential, layer_from_config
from lstm_ir.layers.naming import reset_auto_names
from lstm_ir.layers.shapes import InputSpec, Shape
from lstm_ir.layers.weights import Weight, WeightSpec

__all__ = [
    "FLAVOURS",
    "LAYER_CLASSES",
    "LSTM",
    "Activation",
    "ActivationLayer",
    "Bidirectional",
    "Call",
    "DTypePolicy",
    "Dense",
    "Dropout",
    "Flavour",
    "Functional",
    "FunctionalBuilder",
    "InputLayer",
    "InputSpec",
    "Layer",
    "Masking",
    "Model",
    "Recurrence",
    "Sequential",
    "Shape",
    "Weight",
    "WeightSpec",
    "layer_from_config",
    "reset_auto_names",
    "resolve_activation",
    "resolve_dtype_policy",
    "serialize_activation",
]
