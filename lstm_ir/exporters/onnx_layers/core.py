"""Masking, Dropout, Activation and Dense."""

from lstm_ir.exporters.onnx_activations import activate
from lstm_ir.exporters.onnx_graph import OnnxGraph
from lstm_ir.exporters.registry import ExportCall, Masked, exports, weights_of
from lstm_ir.layers.activation_layer import ActivationLayer
from lstm_ir.layers.attach_mask import AttachMask
from lstm_ir.layers.dense import Dense
from lstm_ir.layers.dropout import Dropout
from lstm_ir.layers.inference_identity import InferenceIdentity
from lstm_ir.layers.masking import Masking


@exports(Masking)
def export_masking(g: OnnxGraph, layer: Masking, call: ExportCall) -> Masked:
    """Zeros where all features of a step equal the mask value."""
    differs = g.add("Not", g.add("Equal", call.x, g.floats(float(layer.mask_value))))
    keep = g.cast(g.add("ReduceMax", g.cast(differs, "float32"), axes=[-1], keepdims=0), "bool")
    return Masked([g.add("Where", g.unsqueeze(keep, -1), call.x, g.floats(0.0))], [keep])


@exports(AttachMask)
def export_attach_mask(g: OnnxGraph, layer: AttachMask, call: ExportCall) -> Masked:
    """The first input, with the second as its mask."""
    return Masked([call.x], [g.cast(call.inputs[1].name, "bool")])


@exports(Dropout, InferenceIdentity)
def export_identity(g: OnnxGraph, layer: Dropout | InferenceIdentity, call: ExportCall) -> list[str]:
    """The input: these act in training alone."""
    return [call.x]


@exports(ActivationLayer)
def export_activation(g: OnnxGraph, layer: ActivationLayer, call: ExportCall) -> list[str]:
    """The activation of the input."""
    return [activate(g, layer.activation, call.x)]


@exports(Dense)
def export_dense(g: OnnxGraph, layer: Dense, call: ExportCall) -> list[str]:
    """``activation(x kernel + bias)``."""
    kernel, *bias = weights_of(g, layer)
    z = g.add("MatMul", call.x, g.constant(kernel, f"{call.path}/kernel"))
    if bias:
        z = g.add("Add", z, g.constant(bias[0], f"{call.path}/bias"))
    return [activate(g, layer.activation, z)]
