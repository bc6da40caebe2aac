"""CuDNNLSTM: Keras's LSTM of the GPU."""

from typing import ClassVar

from lstm_ir.layers.cudnn_layer import CuDNNLayer
from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.lstm import LSTM
from lstm_ir.layers.weights import Array


class CuDNNLSTM(CuDNNLayer, LSTM):
    """An `LSTM` of tanh and sigmoid whose weights are those of cuDNN, see `CuDNNLayer`; the sum of its biases counts.

    Args:
        units: length of the state.
        **kwargs: of `LSTM`, those that Keras's CuDNNLSTM has too.

    Raises:
        UnsupportedError: ``time_major`` with ``go_backwards``.
    """

    keras_class_name: ClassVar[str] = "CuDNNLSTM"
    auto_name_prefix: ClassVar[str] = "cu_dnnlstm"
    default_flavour: ClassVar[Flavour] = "keras2"

    def plain_weights(self) -> list[Array]:
        """The weights of an `LSTM` that computes the same."""
        *kernels, biases = super().plain_weights()
        return [*kernels, biases.sum(axis=0)]
