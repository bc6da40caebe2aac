"""Importers: Keras model files and live Keras objects as layer descriptions."""

from lstm_ir.importers.keras_file import read_model
from lstm_ir.importers.live_keras import from_keras, is_keras

__all__ = ["from_keras", "is_keras", "read_model"]
