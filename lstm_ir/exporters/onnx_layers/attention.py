"""Dot, Attention and AdditiveAttention."""

from lstm_ir.exporters.onnx_graph import OnnxGraph
from lstm_ir.exporters.registry import ExportCall, exports, weights_of
from lstm_ir.layers.attention import AdditiveAttention, Attention, Dot


@exports(Dot)
def export_dot(g: OnnxGraph, layer: Dot, call: ExportCall) -> list[str]:
    """The sum of products over one axis of each input, as a product of matrices."""
    x, y = call.inputs
    first, second = layer.axes_of((x.rank, y.rank))
    left = g.transpose(x.name, *(axis for axis in range(x.rank) if axis != first), first)
    right = g.transpose(y.name, 0, second, *(axis for axis in range(1, y.rank) if axis != second))
    batch, free = g.sizes(left, 0, 1), g.integers([-1])
    rows, columns = g.sizes(left, 1, x.rank - 1), g.sizes(right, 2)
    depth = g.sizes(right, 1, 2)
    product = g.add(
        "MatMul",
        g.add("Reshape", left, g.add("Concat", batch, free, depth, axis=0)),
        g.add("Reshape", right, g.add("Concat", batch, depth, free, axis=0)),
    )
    if x.rank == y.rank == 2:
        return [g.squeeze(product, 2)]
    return [g.add("Reshape", product, g.add("Concat", batch, rows, columns, axis=0))]


@exports(Attention)
def export_attention(g: OnnxGraph, layer: Attention, call: ExportCall) -> list[str]:
    """The value's steps weighed by what the query sees in the key's."""
    query, value, key = (call.inputs[place].name for place in (0, 1, -1))
    numbers = {
        spec.name: g.constant(weight, f"{call.path}/{spec.name}")
        for spec, weight in zip(layer.weight_specs(), weights_of(g, layer), strict=True)
    }

    def scaled(x: str, name: str) -> str:
        return g.add("Mul", x, numbers[name]) if name in numbers else x

    last = g.integers([-1])
    if isinstance(layer, AdditiveAttention) or layer.score_mode == "concat":
        sums = g.add("Add", g.unsqueeze(query, 2), g.unsqueeze(key, 1))
        if isinstance(layer, AdditiveAttention):
            scores = g.add("ReduceSum", scaled(g.add("Tanh", sums), "scale"), last, keepdims=0)
        else:
            scores = g.add("ReduceSum", g.add("Tanh", scaled(sums, "scale")), last, keepdims=0)
            scores = scaled(scores, "concat_score_weight")
    else:
        scores = scaled(g.add("MatMul", query, g.transpose(key, 0, 2, 1)), "scale")
    query_mask, value_mask = call.masks[:2] if call.sees_mask else (None, None)
    if value_mask is not None:
        excluded = g.add("Sub", scores, g.floats(65504.0 if layer.compute_dtype == "float16" else 1e9))
        scores = g.add("Where", g.unsqueeze(value_mask, 1), scores, excluded)
    output = g.add("MatMul", g.add("Softmax", scores, axis=-1), value)
    if query_mask is not None:
        output = g.add("Where", g.unsqueeze(query_mask, 2), output, g.floats(0.0))
    return [output]
