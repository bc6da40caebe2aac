"""The float64 oracle: plain NumPy, step by step, to compare compiled modules with."""

from lstm_ir.reference.activations import apply_activation
from lstm_ir.reference.model import ReferenceResult, run_model
from lstm_ir.reference.recurrent import BidirectionalResult, RecurrentResult, run_bidirectional, run_lstm, run_recurrent
from lstm_ir.reference.rounding import round_to

__all__ = [
    "BidirectionalResult",
    "RecurrentResult",
    "ReferenceResult",
    "apply_activation",
    "round_to",
    "run_bidirectional",
    "run_lstm",
    "run_model",
    "run_recurrent",
]
