"""Writes models in the formats of others."""

from lstm_ir.exporters.onnx_file import export_onnx, onnx_bytes

__all__ = ["export_onnx", "onnx_bytes"]
