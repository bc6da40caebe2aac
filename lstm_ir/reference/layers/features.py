"""Embedding, normalisation, convolution and pooling in float64."""

from collections.abc import Callable

import numpy as np

from lstm_ir.layers.convolution import Conv1D
from lstm_ir.layers.embedding import Embedding
from lstm_ir.layers.normalization import BatchNormalization, LayerNormalization
from lstm_ir.layers.pooling import AveragePooling1D, GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D
from lstm_ir.reference.activations import apply_activation
from lstm_ir.reference.registry import ReferenceCall, reference, weights_of
from lstm_ir.reference.rounding import Float64


@reference(Embedding)
def run_embedding(layer: Embedding, call: ReferenceCall) -> list[Float64]:
    """The rows of the table."""
    (table,) = weights_of(layer)
    return [table[call.x.astype(np.int64)]]


@reference(BatchNormalization)
def run_batch_normalization(layer: BatchNormalization, call: ReferenceCall) -> list[Float64]:
    """Gamma (x - mean) / sqrt(variance + epsilon) + beta."""
    (axis,) = layer.axes_of(call.x.ndim)
    shape = [-1 if a == axis else 1 for a in range(call.x.ndim)]
    weights = [weight.reshape(shape) for weight in weights_of(layer)]
    mean, variance = weights[-2:]
    result = (call.x - mean) / np.sqrt(variance + layer.epsilon)
    result = result * weights[0] if layer.scale else result
    return [result + weights[int(layer.scale)] if layer.center else result]


@reference(LayerNormalization)
def run_layer_normalization(layer: LayerNormalization, call: ReferenceCall) -> list[Float64]:
    """Gamma (x - mean) / sqrt(variance + epsilon) + beta, of each sample."""
    axes = layer.axes_of(call.x.ndim)
    mean = call.x.mean(axis=axes, keepdims=True)
    variance = ((call.x - mean) ** 2).mean(axis=axes, keepdims=True)
    result = (call.x - mean) / np.sqrt(variance + layer.epsilon)
    shape = [size if a in axes else 1 for a, size in enumerate(call.x.shape)]
    weights = [weight.reshape(shape) for weight in weights_of(layer)]
    result = result * weights[0] if layer.scale else result
    return [result + weights[-1] if layer.center else result]


@reference(Conv1D)
def run_conv1d(layer: Conv1D, call: ReferenceCall) -> list[Float64]:
    """The kernel laid on every window, step by step."""
    weights = weights_of(layer)
    kernel, parts = weights[0], np.split(call.x, layer.groups, axis=-1)
    filters = np.split(kernel, layer.groups, axis=-1)
    outputs = []
    for window in _windows(call.x.shape[1], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate):
        steps = [(k, t) for k, t in enumerate(window) if 0 <= t < call.x.shape[1]]
        sums = [
            sum((part[:, t] @ each[k] for k, t in steps), np.zeros((len(call.x), each.shape[-1])))
            for part, each in zip(parts, filters, strict=True)
        ]
        outputs.append(np.concatenate(sums, axis=-1))
    z = np.stack(outputs, axis=1)
    return [apply_activation(layer.activation, z + weights[1] if layer.use_bias else z, layer.compute_dtype)]


@reference(MaxPooling1D)
def run_max_pooling(layer: MaxPooling1D, call: ReferenceCall) -> list[Float64]:
    """The largest step of each window."""
    return [_pooled(layer, call.x, lambda steps: steps.max(axis=1))]


@reference(AveragePooling1D)
def run_average_pooling(layer: AveragePooling1D, call: ReferenceCall) -> list[Float64]:
    """The mean of the steps of each window that are no padding."""
    return [_pooled(layer, call.x, lambda steps: steps.mean(axis=1))]


@reference(GlobalMaxPooling1D)
def run_global_max(layer: GlobalMaxPooling1D, call: ReferenceCall) -> list[Float64]:
    """The largest of all steps."""
    return [call.x.max(axis=1, keepdims=layer.keepdims)]


@reference(GlobalAveragePooling1D)
def run_global_average(layer: GlobalAveragePooling1D, call: ReferenceCall) -> list[Float64]:
    """The mean of the steps that the mask leaves."""
    if call.mask is None:
        return [call.x.mean(axis=1, keepdims=layer.keepdims)]
    keep = np.not_equal(call.mask, 0)[..., np.newaxis]
    kept = np.where(keep, call.x, 0.0) if layer.flavour == "keras3" else call.x * keep
    with np.errstate(invalid="ignore"):
        mean: Float64 = kept.sum(axis=1, keepdims=layer.keepdims) / keep.sum(axis=1, keepdims=layer.keepdims)
    return [mean]


def _windows(steps: int, size: int, stride: int, padding: str, dilation: int = 1) -> list[range]:
    """The steps that each window reads, those outside included; source: TensorFlow's padding."""
    reach = (size - 1) * dilation
    if padding == "valid":
        count, before = (steps - reach - 1) // stride + 1, 0
    else:
        count = -(-steps // stride)
        before = reach if padding == "causal" else max((count - 1) * stride + reach + 1 - steps, 0) // 2
    return [range(o * stride - before, o * stride - before + reach + 1, dilation) for o in range(count)]


def _pooled(layer: MaxPooling1D | AveragePooling1D, x: Float64, function: Callable[[Float64], Float64]) -> Float64:
    windows = _windows(x.shape[1], layer.pool_size, layer.strides, layer.padding)
    return np.stack([function(x[:, [t for t in w if 0 <= t < x.shape[1]]]) for w in windows], axis=1)
