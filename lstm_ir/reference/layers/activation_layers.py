"""Activations that are layers of their own, in float64."""

import numpy as np

from lstm_ir.layers.activation_layers import ELU, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from lstm_ir.reference.registry import ReferenceCall, reference, weights_of
from lstm_ir.reference.rounding import Float64


@reference(ReLU)
def run_relu(layer: ReLU, call: ReferenceCall) -> list[Float64]:
    """Keras's ``backend.relu`` with slope, bound and threshold."""
    x = call.x
    result = np.where(x > layer.threshold, x, 0.0) if layer.threshold else np.maximum(x, 0.0)
    if layer.max_value is not None:
        result = np.clip(result, 0.0, layer.max_value)
    return [result - layer.negative_slope * np.maximum(layer.threshold - x, 0.0)]


@reference(LeakyReLU)
def run_leaky_relu(layer: LeakyReLU, call: ReferenceCall) -> list[Float64]:
    """X where x > 0, else slope x."""
    return [np.where(call.x > 0, call.x, layer.negative_slope * call.x)]


@reference(ELU)
def run_elu(layer: ELU, call: ReferenceCall) -> list[Float64]:
    """X where x > 0, else alpha (exp(x) - 1)."""
    return [np.where(call.x > 0, call.x, layer.alpha * np.expm1(np.minimum(call.x, 0.0)))]


@reference(ThresholdedReLU)
def run_thresholded_relu(layer: ThresholdedReLU, call: ReferenceCall) -> list[Float64]:
    """X where x > theta, else 0."""
    return [np.where(call.x > layer.theta, call.x, 0.0)]


@reference(PReLU)
def run_prelu(layer: PReLU, call: ReferenceCall) -> list[Float64]:
    """X where x > 0, else alpha x."""
    (alpha,) = weights_of(layer)
    return [np.where(call.x > 0, call.x, alpha * call.x)]


@reference(Softmax)
def run_softmax(layer: Softmax, call: ReferenceCall) -> list[Float64]:
    """exp(x) / sum(exp(x)) of the last axis."""
    powers = np.exp(call.x - call.x.max(axis=-1, keepdims=True))
    return [powers / powers.sum(axis=-1, keepdims=True)]
