"""The keys of each Keras layer's config: which must be there, and which may."""

from dataclasses import dataclass

from lstm_ir.layers import Flavour


@dataclass(frozen=True)
class ConfigKeys:
    """The keys of one layer class's config.

    Attributes:
        both: Keys that change what the layer computes, recorded by every supported Keras.
        keras2: The same, recorded by tf_keras alone.
        keras3: The same, recorded by Keras 3 alone.
        optional: Keys that a writer may leave out: without effect on inference, or recorded only when set.
    """

    both: frozenset[str]
    keras2: frozenset[str] = frozenset()
    keras3: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    def required(self, flavour: Flavour) -> frozenset[str]:
        """The keys that a config of this flavour must have."""
        return self.both | (self.keras3 if flavour == "keras3" else self.keras2)


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Shapes that tf_keras records on whichever layer comes first, and what training alone uses.
INPUT_SHAPES = _keys("batch_input_shape batch_shape batch_size")
_ANYWHERE = INPUT_SHAPES | {"trainable"}
TRAINING = _keys(
    "kernel_initializer recurrent_initializer bias_initializer unit_forget_bias kernel_regularizer"
    " recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint recurrent_constraint"
    " bias_constraint seed embeddings_initializer embeddings_regularizer embeddings_constraint alpha_initializer"
    " alpha_regularizer alpha_constraint beta_initializer gamma_initializer moving_mean_initializer"
    " moving_variance_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint"
)
_RECURRENT = _keys("return_sequences return_state go_backwards stateful unroll")
_CELL = _keys("name dtype units activation recurrent_activation use_bias")


def _plain(text: str = "", optional: str = "") -> ConfigKeys:
    return ConfigKeys(both=_keys(f"name dtype {text}"), optional=_ANYWHERE | _keys(optional))


def _trained(text: str, optional: str = "") -> ConfigKeys:
    return ConfigKeys(both=_keys(f"name dtype {text}"), optional=_ANYWHERE | TRAINING | _keys(optional))


_CUDNN = ConfigKeys(
    both=_keys("name dtype units return_sequences return_state go_backwards stateful"),
    optional=_ANYWHERE | TRAINING | _keys("time_major"),  # standalone Keras has no time_major
)
_POOLING = _plain("pool_size strides padding", "data_format")
_GLOBAL_POOLING = _plain("", "data_format keepdims")

LAYER_KEYS: dict[str, ConfigKeys] = {
    "InputLayer": ConfigKeys(
        both=_keys("name dtype"),
        keras2=_keys("batch_input_shape"),
        keras3=_keys("batch_shape"),
        optional=_keys("sparse ragged optional"),
    ),
    "Masking": _plain("mask_value"),
    "Embedding": _trained("input_dim output_dim mask_zero", "input_length"),
    "LSTM": ConfigKeys(
        both=_CELL | _RECURRENT,
        keras2=_keys("time_major"),  # zero_output_for_mask is recorded by tf_keras only where it is true
        keras3=_keys("zero_output_for_mask"),
        optional=_ANYWHERE
        | TRAINING
        | _keys("dropout recurrent_dropout implementation zero_output_for_mask time_major"),
    ),
    "CuDNNLSTM": _CUDNN,
    "CuDNNGRU": _CUDNN,
    "GRU": ConfigKeys(
        both=_CELL | _RECURRENT | _keys("reset_after"),
        keras2=_keys("time_major"),
        keras3=_keys("zero_output_for_mask"),
        optional=_ANYWHERE
        | TRAINING
        | _keys("dropout recurrent_dropout implementation zero_output_for_mask time_major"),
    ),
    "SimpleRNN": ConfigKeys(
        both=_RECURRENT | _CELL - _keys("recurrent_activation"),
        keras2=_keys("time_major"),
        keras3=_keys("zero_output_for_mask"),
        optional=_ANYWHERE | TRAINING | _keys("dropout recurrent_dropout zero_output_for_mask time_major"),
    ),
    "LSTMCell": ConfigKeys(
        both=_CELL, optional=_ANYWHERE | TRAINING | _keys("dropout recurrent_dropout implementation")
    ),
    "GRUCell": ConfigKeys(
        both=_CELL | _keys("reset_after"),
        optional=_ANYWHERE | TRAINING | _keys("dropout recurrent_dropout implementation"),
    ),
    "SimpleRNNCell": ConfigKeys(
        both=_CELL - _keys("recurrent_activation"), optional=_ANYWHERE | TRAINING | _keys("dropout recurrent_dropout")
    ),
    "RNN": ConfigKeys(
        both=_keys("name dtype cell") | _RECURRENT,
        keras2=_keys("time_major"),
        keras3=_keys("zero_output_for_mask"),
        optional=_ANYWHERE | _keys("zero_output_for_mask time_major"),
    ),
    "Bidirectional": ConfigKeys(
        both=_keys("name dtype layer merge_mode"),
        keras3=_keys("backward_layer"),  # tf_keras records it only where the user gave one
        optional=_ANYWHERE | _keys("backward_layer"),
    ),
    "TimeDistributed": _plain("layer"),
    "Dense": _trained("units activation use_bias"),
    "Conv1D": _trained("filters kernel_size strides padding dilation_rate activation use_bias", "data_format groups"),
    "Activation": _plain("activation"),
    "ReLU": _plain("max_value negative_slope threshold"),
    "LeakyReLU": ConfigKeys(
        both=_keys("name dtype"), keras2=_keys("alpha"), keras3=_keys("negative_slope"), optional=_ANYWHERE
    ),
    "ELU": _plain("alpha"),
    "PReLU": _trained("shared_axes"),
    "Softmax": _plain("axis"),
    "ThresholdedReLU": _plain("theta"),
    "Dropout": _plain("", "rate noise_shape seed"),
    "SpatialDropout1D": _plain("rate", "noise_shape seed"),
    "GaussianDropout": _plain("rate", "seed"),
    "GaussianNoise": _plain("stddev", "seed"),
    "AlphaDropout": _plain("rate", "noise_shape seed"),
    "ActivityRegularization": _plain("", "l1 l2"),
    "BatchNormalization": _trained(
        "axis momentum epsilon center scale", "synchronized renorm renorm_clipping renorm_momentum"
    ),
    "LayerNormalization": _trained("axis epsilon center scale", "rms_scaling"),
    "MaxPooling1D": _POOLING,
    "AveragePooling1D": _POOLING,
    "GlobalMaxPooling1D": _GLOBAL_POOLING,
    "GlobalAveragePooling1D": _GLOBAL_POOLING,
    **{name: _plain() for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")},
    "Concatenate": _plain("axis"),
    "Dot": _plain("axes", "normalize"),
    "Attention": _plain("use_scale", "score_mode dropout causal seed"),
    "AdditiveAttention": _plain("use_scale", "dropout causal seed"),
    "Reshape": _plain("target_shape"),
    "Flatten": _plain("", "data_format"),
    "Permute": _plain("dims"),
    "RepeatVector": _plain("n"),
    "Cropping1D": _plain("cropping"),
    "ZeroPadding1D": _plain("padding", "data_format"),
    "UpSampling1D": _plain("size"),
}

WITHOUT_PLACE: dict[str, frozenset[str]] = {
    "Embedding": TRAINING,
    "Conv1D": TRAINING,
    "PReLU": TRAINING,
    "BatchNormalization": TRAINING | _keys("synchronized renorm renorm_clipping renorm_momentum"),
    "LayerNormalization": TRAINING,
    "SpatialDropout1D": frozenset({"noise_shape"}),
    "Attention": frozenset({"causal", "seed"}),
    "AdditiveAttention": frozenset({"causal", "seed"}),
}
"""Keys without effect on inference that a layer's description has no place for."""
