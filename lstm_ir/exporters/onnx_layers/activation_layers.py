"""Activations that are layers of their own."""

from lstm_ir.exporters.onnx_graph import OnnxGraph
from lstm_ir.exporters.registry import ExportCall, exports, weights_of
from lstm_ir.layers.activation_layers import ELU, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU


@exports(ReLU)
def export_relu(g: OnnxGraph, layer: ReLU, call: ExportCall) -> list[str]:
    """Keras's ``backend.relu`` with slope, bound and threshold."""
    threshold = float(layer.threshold)
    result = g.add("ThresholdedRelu", call.x, alpha=threshold) if threshold else g.add("Relu", call.x)
    if layer.max_value is not None:
        result = g.add("Clip", result, g.floats(0.0), g.floats(layer.max_value))
    if layer.negative_slope:
        below = g.add("Relu", g.add("Sub", g.floats(threshold), call.x))
        result = g.add("Sub", result, g.add("Mul", below, g.floats(layer.negative_slope)))
    return [result]


@exports(LeakyReLU)
def export_leaky_relu(g: OnnxGraph, layer: LeakyReLU, call: ExportCall) -> list[str]:
    """X where x > 0, else slope x."""
    return [g.add("LeakyRelu", call.x, alpha=float(layer.negative_slope))]


@exports(ELU)
def export_elu(g: OnnxGraph, layer: ELU, call: ExportCall) -> list[str]:
    """X where x > 0, else alpha (exp(x) - 1)."""
    return [g.add("Elu", call.x, alpha=float(layer.alpha))]


@exports(ThresholdedReLU)
def export_thresholded_relu(g: OnnxGraph, layer: ThresholdedReLU, call: ExportCall) -> list[str]:
    """X where x > theta, else 0."""
    return [g.add("ThresholdedRelu", call.x, alpha=float(layer.theta))]


@exports(PReLU)
def export_prelu(g: OnnxGraph, layer: PReLU, call: ExportCall) -> list[str]:
    """X where x > 0, else alpha x."""
    (alpha,) = weights_of(g, layer)
    below = g.add("Mul", g.add("Min", call.x, g.floats(0.0)), g.constant(alpha, f"{call.path}/alpha"))
    return [g.add("Add", g.add("Relu", call.x), below)]


@exports(Softmax)
def export_softmax(g: OnnxGraph, layer: Softmax, call: ExportCall) -> list[str]:
    """exp(x) / sum(exp(x)) of the last axis."""
    return [g.add("Softmax", call.x, axis=-1)]
