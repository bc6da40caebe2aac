"""Layer descriptions with Keras's constructors, configs, weights and shapes; nothing here executes a layer."""

from lstm_ir.layers.activation_layer import ActivationLayer
from lstm_ir.layers.activation_layers import ELU, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from lstm_ir.layers.activations import Activation, resolve_activation, serialize_activation
from lstm_ir.layers.attach_mask import AttachMask
from lstm_ir.layers.attention import AdditiveAttention, Attention, Dot
from lstm_ir.layers.base import Layer
from lstm_ir.layers.bidirectional import Bidirectional
from lstm_ir.layers.convolution import Conv1D
from lstm_ir.layers.cudnn_gru import CuDNNGRU
from lstm_ir.layers.cudnn_layer import CuDNNLayer
from lstm_ir.layers.cudnn_lstm import CuDNNLSTM
from lstm_ir.layers.dense import Dense
from lstm_ir.layers.dropout import Dropout
from lstm_ir.layers.dtype_policy import DTypePolicy, resolve_dtype_policy
from lstm_ir.layers.embedding import Embedding
from lstm_ir.layers.flavour import FLAVOURS, Flavour
from lstm_ir.layers.folded_steps import FoldSteps, UnfoldSteps, ZeroStates
from lstm_ir.layers.functional import Functional, FunctionalBuilder
from lstm_ir.layers.graph import Call, Model, Recurrence
from lstm_ir.layers.gru import GRU
from lstm_ir.layers.inference_identity import (
    ActivityRegularization,
    AlphaDropout,
    GaussianDropout,
    GaussianNoise,
    InferenceIdentity,
    SpatialDropout1D,
)
from lstm_ir.layers.input_layer import InputLayer
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.masking import Masking
from lstm_ir.layers.merging import Add, Average, Concatenate, Maximum, Merge, Minimum, Multiply, Subtract
from lstm_ir.layers.model import LAYER_CLASSES, Sequential, layer_from_config
from lstm_ir.layers.naming import reset_auto_names
from lstm_ir.layers.normalization import BatchNormalization, LayerNormalization
from lstm_ir.layers.pooling import AveragePooling1D, GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D
from lstm_ir.layers.recurrent_layer import RecurrentLayer
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
from lstm_ir.layers.shapes import InputSpec, Shape
from lstm_ir.layers.simple_rnn import SimpleRNN
from lstm_ir.layers.stack_states import StackStates
from lstm_ir.layers.tensor_operations import Affine, GetItem
from lstm_ir.layers.time_distributed import TimeDistributed
from lstm_ir.layers.weights import Weight, WeightSpec

__all__ = [
    "ELU",
    "FLAVOURS",
    "GRU",
    "LAYER_CLASSES",
    "LSTM",
    "RNN",
    "Activation",
    "ActivationLayer",
    "ActivityRegularization",
    "Add",
    "AdditiveAttention",
    "Affine",
    "AlphaDropout",
    "AttachMask",
    "Attention",
    "Average",
    "AveragePooling1D",
    "BatchNormalization",
    "Bidirectional",
    "Call",
    "Concatenate",
    "Conv1D",
    "Cropping1D",
    "CuDNNGRU",
    "CuDNNLSTM",
    "CuDNNLayer",
    "DTypePolicy",
    "Dense",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "Flavour",
    "FoldSteps",
    "Functional",
    "FunctionalBuilder",
    "GaussianDropout",
    "GaussianNoise",
    "GetItem",
    "GlobalAveragePooling1D",
    "GlobalMaxPooling1D",
    "InferenceIdentity",
    "InputLayer",
    "InputSpec",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPooling1D",
    "Maximum",
    "Merge",
    "Minimum",
    "Model",
    "Multiply",
    "PReLU",
    "Permute",
    "ReLU",
    "Recurrence",
    "RecurrentLayer",
    "RepeatVector",
    "Reshape",
    "Sequential",
    "Shape",
    "SimpleRNN",
    "Softmax",
    "SpatialDropout1D",
    "StackStates",
    "Subtract",
    "ThresholdedReLU",
    "TimeDistributed",
    "UnfoldSteps",
    "UpSampling1D",
    "Weight",
    "WeightSpec",
    "ZeroPadding1D",
    "ZeroStates",
    "layer_from_config",
    "reset_auto_names",
    "resolve_activation",
    "resolve_dtype_policy",
    "serialize_activation",
]
