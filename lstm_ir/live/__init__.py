"""Layers that execute: Keras's ``LSTM``, ``Bidirectional`` and ``Masking`` on arrays, compiled on the first call.

The descriptions in ``lstm_ir.layers`` say what a layer is; here it gets ``__call__``, ``states``, ``reset_states`` and
``losses``. Python only checks, converts and keeps state: everything numeric is in the compiled module.
"""

from lstm_ir.live.bidirectional import Bidirectional
from lstm_ir.live.lstm import LSTM
from lstm_ir.live.masking import Masking

__all__ = ["LSTM", "Bidirectional", "Masking"]
