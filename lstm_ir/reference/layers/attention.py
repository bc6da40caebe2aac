"""Dot, Attention and AdditiveAttention."""

import numpy as np

from lstm_ir.layers.attention import AdditiveAttention, Attention, Dot
from lstm_ir.reference.registry import ReferenceCall, reference, weights_of
from lstm_ir.reference.rounding import Float64


@reference(Dot)
def run_dot(layer: Dot, call: ReferenceCall) -> list[Float64]:
    """The sum of products over one axis of each input."""
    x, y = call.inputs
    first, second = layer.axes_of((x.ndim, y.ndim))
    rows = [np.tensordot(a, b, (first - 1, second - 1)) for a, b in zip(x, y, strict=True)]
    result = np.stack(rows)
    return [result if result.ndim > 1 else result[:, np.newaxis]]


@reference(Attention)
def run_attention(layer: Attention, call: ReferenceCall) -> list[Float64]:
    """The value's steps weighed by what the query sees in the key's."""
    query, value, key = call.inputs[0], call.inputs[1], call.inputs[-1]
    numbers = dict(zip((spec.name for spec in layer.weight_specs()), weights_of(layer), strict=True))
    scale = numbers.get("scale", np.ones(()))
    sums = query[:, :, np.newaxis] + key[:, np.newaxis]
    if isinstance(layer, AdditiveAttention):
        scores = (scale * np.tanh(sums)).sum(axis=-1)
    elif layer.score_mode == "concat":
        scores = numbers["concat_score_weight"] * np.tanh(scale * sums).sum(axis=-1)
    else:
        scores = scale * (query @ key.swapaxes(1, 2))
    query_mask, value_mask = call.masks[:2] if call.sees_mask else (None, None)
    if value_mask is not None:
        excluded = 65504.0 if layer.compute_dtype == "float16" else 1e9
        scores = np.where(np.asarray(value_mask, bool)[:, np.newaxis], scores, scores - excluded)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    output = (powers / powers.sum(axis=-1, keepdims=True)) @ value
    if query_mask is not None:
        output = np.where(np.asarray(query_mask, bool)[:, :, np.newaxis], output, 0.0)
    return [output]
