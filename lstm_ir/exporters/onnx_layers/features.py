"""Embedding, normalisation, convolution and pooling."""

from typing import Any

import numpy as np

from lstm_ir.exporters.onnx_activations import activate
from lstm_ir.exporters.onnx_graph import Array, OnnxGraph
from lstm_ir.exporters.registry import ExportCall, Masked, exports, weights_of
from lstm_ir.layers.convolution import Conv1D
from lstm_ir.layers.embedding import Embedding
from lstm_ir.layers.normalization import BatchNormalization, LayerNormalization
from lstm_ir.layers.pooling import AveragePooling1D, GlobalAveragePooling1D, GlobalMaxPooling1D, MaxPooling1D


@exports(Embedding)
def export_embedding(g: OnnxGraph, layer: Embedding, call: ExportCall) -> Masked:
    """The rows of the table."""
    (table,) = weights_of(g, layer)
    rows = g.add("Gather", g.constant(table, f"{call.path}/embeddings"), call.x)
    if not layer.mask_zero:
        return Masked([rows], [None])
    return Masked([rows], [g.cast(call.x, "bool")])


@exports(BatchNormalization)
def export_batch_normalization(g: OnnxGraph, layer: BatchNormalization, call: ExportCall) -> list[str]:
    """Gamma (x - mean) / sqrt(variance + epsilon) + beta; the factor is computed here."""
    rank = len(call.shape)
    (axis,) = layer.axes_of(rank)
    weights = [np.asarray(weight, np.float64) for weight in weights_of(g, layer)]
    mean, variance = weights[-2:]
    factor = (weights[0] if layer.scale else 1.0) / np.sqrt(variance + layer.epsilon)

    def laid_out(array: Array, name: str) -> str:
        return g.floats(array.reshape([-1 if a == axis else 1 for a in range(rank)]), name)

    result = g.add("Sub", call.x, laid_out(mean, "mean"))
    result = g.add("Mul", result, laid_out(factor, "factor"))
    return [g.add("Add", result, laid_out(weights[int(layer.scale)], "beta")) if layer.center else result]


@exports(LayerNormalization)
def export_layer_normalization(g: OnnxGraph, layer: LayerNormalization, call: ExportCall) -> list[str]:
    """Gamma (x - mean) / sqrt(variance + epsilon) + beta, of each sample."""
    rank = len(call.shape)
    axes = layer.axes_of(rank)
    weights = weights_of(g, layer)
    # The operator averages over all axes from one on, in float32.
    if axes == tuple(range(axes[0], rank)) and g.dtype != np.float64:
        scale = weights[0] if layer.scale else np.ones([call.shape[axis] or 1 for axis in axes], g.dtype)
        inputs = [g.constant(scale, f"{call.path}/gamma")]
        inputs += [g.constant(weights[-1], f"{call.path}/beta")] if layer.center else []
        return [g.add("LayerNormalization", call.x, *inputs, axis=axes[0], epsilon=float(layer.epsilon))]
    centred = g.add("Sub", call.x, g.add("ReduceMean", call.x, axes=list(axes)))
    variance = g.add("ReduceMean", g.add("Mul", centred, centred), axes=list(axes))
    result = g.add("Div", centred, g.add("Sqrt", g.add("Add", variance, g.floats(layer.epsilon))))
    shape = [(size or 1) if axis in axes else 1 for axis, size in enumerate(call.shape)]
    if layer.scale:
        result = g.add("Mul", result, g.constant(weights[0].reshape(shape), f"{call.path}/gamma"))
    if layer.center:
        result = g.add("Add", result, g.constant(weights[-1].reshape(shape), f"{call.path}/beta"))
    return [result]


@exports(Conv1D)
def export_conv1d(g: OnnxGraph, layer: Conv1D, call: ExportCall) -> list[str]:
    """A Conv, which has the features on axis 1."""
    kernel, *bias = weights_of(g, layer)
    inputs = [g.transpose(call.x, 0, 2, 1), g.constant(kernel.transpose(2, 1, 0), f"{call.path}/kernel")]
    inputs += [g.constant(bias[0], f"{call.path}/bias")] if bias else []
    reach = (layer.kernel_size - 1) * layer.dilation_rate
    padding: dict[str, Any] = {"pads": [reach if layer.padding == "causal" else 0, 0]}
    if layer.padding == "same":
        # With strides the padding follows from the length; the operator has no such rule for dilated kernels.
        padding = {"pads": [reach // 2, reach - reach // 2]} if layer.strides == 1 else {"auto_pad": "SAME_UPPER"}
    z = g.add(
        "Conv",
        *inputs,
        kernel_shape=[layer.kernel_size],
        strides=[layer.strides],
        dilations=[layer.dilation_rate],
        group=layer.groups,
        **padding,
    )
    return [activate(g, layer.activation, g.transpose(z, 0, 2, 1))]


@exports(MaxPooling1D)
def export_max_pooling(g: OnnxGraph, layer: MaxPooling1D, call: ExportCall) -> list[str]:
    """The largest step of each window."""
    return [_pooled(g, layer, call.x, "MaxPool")]


@exports(AveragePooling1D)
def export_average_pooling(g: OnnxGraph, layer: AveragePooling1D, call: ExportCall) -> list[str]:
    """The mean of the steps of each window that are no padding."""
    return [_pooled(g, layer, call.x, "AveragePool", count_include_pad=0)]


@exports(GlobalMaxPooling1D)
def export_global_max(g: OnnxGraph, layer: GlobalMaxPooling1D, call: ExportCall) -> list[str]:
    """The largest of all steps."""
    return [g.add("ReduceMax", call.x, axes=[1], keepdims=int(layer.keepdims))]


@exports(GlobalAveragePooling1D)
def export_global_average(g: OnnxGraph, layer: GlobalAveragePooling1D, call: ExportCall) -> list[str]:
    """The mean of the steps that the mask leaves."""
    keepdims = int(layer.keepdims)
    if call.mask is None:
        return [g.add("ReduceMean", call.x, axes=[1], keepdims=keepdims)]
    keep = g.unsqueeze(call.mask, 2)
    counted = g.cast(keep, str(g.dtype))
    by_choice = layer.flavour == "keras3"
    kept = g.add("Where", keep, call.x, g.floats(0.0)) if by_choice else g.add("Mul", call.x, counted)
    sums = (g.add("ReduceSum", part, g.integers([1]), keepdims=keepdims) for part in (kept, counted))
    return [g.add("Div", *sums)]


def _pooled(g: OnnxGraph, layer: MaxPooling1D | AveragePooling1D, x: str, op: str, **attributes: int) -> str:
    pooled = g.add(
        op,
        g.transpose(x, 0, 2, 1),
        kernel_shape=[layer.pool_size],
        strides=[layer.strides],
        auto_pad="SAME_UPPER" if layer.padding == "same" else "VALID",
        **attributes,
    )
    return g.transpose(pooled, 0, 2, 1)
