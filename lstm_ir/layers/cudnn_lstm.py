"""CuDNNLSTM: Keras's LSTM of the GPU, which files of Keras 2 and TensorFlow 1 hold with weights laid out as cuDNN's."""

from typing import Any, ClassVar

import numpy as np

from lstm_ir.errors import UnsupportedError
from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.weights import Array


class CuDNNLSTM(LSTM):
    """An `LSTM` of tanh and sigmoid whose weights are those of cuDNN.

    The kernel of each gate, (features, units), holds the numbers of a (units, features) matrix in its order, the
    recurrent kernel of each gate is transposed, and there are two biases, (8 units,), of which the sum counts. Source:
    `_convert_rnn_weights` of Keras 2, which makes an LSTM of one.

    Args:
        units: length of the state.
        **kwargs: of `LSTM`, those that Keras's CuDNNLSTM has too.

    Raises:
        UnsupportedError: ``time_major`` with ``go_backwards``, which in Keras reverses the batch.
    """

    keras_class_name: ClassVar[str] = "CuDNNLSTM"
    auto_name_prefix: ClassVar[str] = "cu_dnnlstm"
    default_flavour: ClassVar[Flavour] = "keras2"
    weight_scope: ClassVar[str] = ""
    refuses_mask: ClassVar[bool] = True

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, "tanh", "sigmoid", True, **kwargs)
        if self.time_major and self.go_backwards:
            raise UnsupportedError("go_backwards: a CuDNNLSTM with it and time_major is not supported")

    def _bias_shape(self) -> tuple[int, ...]:
        return (2 * self.gate_count * self.units,)

    def _initial_bias(self) -> Any:
        """The bias initialiser; the forget quarters are not treated apart, as nothing trains here."""
        return self.bias_initializer

    def code_weights(self) -> dict[str, Array]:
        """The weights of an LSTM that computes the same."""
        kernel, recurrent_kernel, bias = self.get_weights()
        units, gates = self.units, self.gate_count

        def from_cudnn(packed: Array) -> Array:
            return np.concatenate([gate.reshape(units, -1).T for gate in np.split(packed, gates, axis=1)], axis=1)

        return {
            "kernel": from_cudnn(kernel),
            "recurrent_kernel": from_cudnn(recurrent_kernel),
            "bias": bias[: gates * units] + bias[gates * units :],
        }

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, see `Layer.get_config`."""
        own = ("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout", "implementation")
        dropped = (*own, "unroll", "zero_output_for_mask")
        return {key: value for key, value in super().get_config().items() if key not in dropped}
