"""CuDNNGRU: Keras's GRU of the GPU."""

from typing import ClassVar

from lstm_ir.layers.cudnn_layer import CuDNNLayer
from lstm_ir.layers.flavour import Flavour
from lstm_ir.layers.gru import GRU


class CuDNNGRU(CuDNNLayer, GRU):
    """A `GRU` of ``reset_after``, tanh and sigmoid, whose weights are those of cuDNN, see `CuDNNLayer`.

    Args:
        units: length of the state.
        **kwargs: of `GRU`, those that Keras's CuDNNGRU has too.

    Raises:
        UnsupportedError: ``time_major`` with ``go_backwards``.
    """

    keras_class_name: ClassVar[str] = "CuDNNGRU"
    auto_name_prefix: ClassVar[str] = "cu_dnngru"
    default_flavour: ClassVar[Flavour] = "keras2"
