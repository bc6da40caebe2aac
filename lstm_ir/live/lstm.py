"""The executing LSTM layer."""

from lstm_ir import layers
from lstm_ir.live.recurrent import LiveRecurrent


class LSTM(LiveRecurrent, layers.LSTM):
    """Keras's LSTM layer (tf.compat.v1 by default), compiled on its first call. See `lstm_ir.layers.LSTM`."""

    @property
    def cells(self) -> list[layers.LSTM]:
        """This layer itself."""
        return [self]
