"""Merging and reshaping."""

from functools import reduce

from lstm_ir.exporters.onnx_cells import zeros
from lstm_ir.exporters.onnx_graph import LAST, OnnxGraph
from lstm_ir.exporters.registry import ExportCall, Masked, exports
from lstm_ir.layers.folded_steps import FoldSteps, UnfoldSteps, ZeroStates
from lstm_ir.layers.merging import Concatenate, Merge
from lstm_ir.layers.reshaping import (
    Cropping1D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    ZeroPadding1D,
)
from lstm_ir.layers.stack_states import StackStates
from lstm_ir.layers.tensor_operations import Affine, GetItem

_OPERATORS = {"add": "Add", "ave": "Add", "sub": "Sub", "mul": "Mul", "max": "Max", "min": "Min"}


@exports(Merge)
def export_merge(g: OnnxGraph, layer: Merge, call: ExportCall) -> Masked:
    """The inputs merged element by element, missing axes put behind the batch."""
    rank = max(x.rank for x in call.inputs)
    inputs = [g.unsqueeze(x.name, *range(1, rank - x.rank + 1)) for x in call.inputs]
    result = reduce(lambda left, right: g.add(_OPERATORS[layer.operation], left, right), inputs)
    if layer.operation == "ave":
        result = g.add("Div", result, g.floats(len(inputs)))
    if layer.mask_rule != "masks":
        return Masked([result], [None])
    given = [mask for mask in call.masks if mask is not None]
    if layer.flavour == "keras3":
        keep = _joined(g, "Or", given) if len(given) == len(call.masks) else None
    else:
        keep = _joined(g, "And", given)
    return Masked([result], [keep])


@exports(Concatenate)
def export_concatenate(g: OnnxGraph, layer: Concatenate, call: ExportCall) -> Masked:
    """The inputs behind each other."""
    axis = layer.axis_of(call.inputs[0].rank)
    result = g.add("Concat", *(x.name for x in call.inputs), axis=axis)
    if layer.mask_rule != "masks" or all(mask is None for mask in call.masks):
        return Masked([result], [None])
    whole = [_all_steps(g, x.name) if mask is None else mask for x, mask in zip(call.inputs, call.masks, strict=True)]
    if axis == 1:
        return Masked([result], [g.add("Concat", *whole, axis=1)])
    return Masked([result], [_joined(g, "Or" if layer.flavour == "keras3" else "And", whole)])


def _joined(g: OnnxGraph, op: str, masks: list[str]) -> str | None:
    return reduce(lambda left, right: g.add(op, left, right), masks) if masks else None


def _all_steps(g: OnnxGraph, x: str) -> str:
    """A mask that leaves out nothing."""
    return g.add("Expand", g.cast(g.integers([1]), "bool"), g.sizes(x, 0, 2))


@exports(Flatten)
def export_flatten(g: OnnxGraph, layer: Flatten, call: ExportCall) -> list[str]:
    """All axes but the batch as one."""
    return [g.add("Flatten", call.x, axis=1)]


@exports(Reshape)
def export_reshape(g: OnnxGraph, layer: Reshape, call: ExportCall) -> list[str]:
    """The elements of each sample in another shape."""
    return [g.reshape(call.x, 0, *layer.target_shape)]


@exports(Permute)
def export_permute(g: OnnxGraph, layer: Permute, call: ExportCall) -> list[str]:
    """The axes in another order."""
    return [g.transpose(call.x, 0, *layer.dims)]


@exports(RepeatVector)
def export_repeat_vector(g: OnnxGraph, layer: RepeatVector, call: ExportCall) -> list[str]:
    """A sequence of equal steps."""
    return [g.add("Tile", g.unsqueeze(call.x, 1), g.integers([1, layer.n, 1]))]


@exports(UpSampling1D)
def export_up_sampling(g: OnnxGraph, layer: UpSampling1D, call: ExportCall) -> list[str]:
    """Each step several times."""
    features = call.shape[2]
    assert features is not None
    tiled = g.add("Tile", g.unsqueeze(call.x, 2), g.integers([1, 1, layer.size, 1]))
    return [g.reshape(tiled, 0, -1, features)]


@exports(Cropping1D)
def export_cropping(g: OnnxGraph, layer: Cropping1D, call: ExportCall) -> list[str]:
    """A sequence without its first and last steps."""
    before, behind = layer.cropping
    return [g.slice(call.x, 1, before, -behind if behind else LAST)]


@exports(ZeroPadding1D)
def export_zero_padding(g: OnnxGraph, layer: ZeroPadding1D, call: ExportCall) -> list[str]:
    """Zeros before and behind a sequence."""
    before, behind = layer.padding
    return [g.add("Pad", call.x, g.integers([0, before, 0, 0, behind, 0]))]


@exports(FoldSteps)
def export_fold_steps(g: OnnxGraph, layer: FoldSteps, call: ExportCall) -> list[str]:
    """All steps of all samples as samples."""
    layer.check_mask(call.mask)
    return [g.add("Reshape", call.x, g.add("Concat", g.integers([-1]), g.sizes(call.x, 2), axis=0))]


@exports(UnfoldSteps)
def export_unfold_steps(g: OnnxGraph, layer: UnfoldSteps, call: ExportCall) -> list[str]:
    """The samples by batch and time of the first input."""
    layer.check_mask(call.masks[1])
    steps, samples = (x.name for x in call.inputs)
    return [g.add("Reshape", samples, g.add("Concat", g.sizes(steps, 0, 2), g.sizes(samples, 1), axis=0))]


@exports(ZeroStates)
def export_zero_states(g: OnnxGraph, layer: ZeroStates, call: ExportCall) -> list[str]:
    """States of zeros."""
    return [zeros(g, call.x, 0, length) for length in layer.lengths]


@exports(StackStates)
def export_stack_states(g: OnnxGraph, layer: StackStates, call: ExportCall) -> list[str]:
    """The matrices one above the other."""
    return [g.add("Concat", *(g.unsqueeze(x.name, 0) for x in call.inputs), axis=0)]


@exports(Affine)
def export_affine(g: OnnxGraph, layer: Affine, call: ExportCall) -> list[str]:
    """The input times a number plus a number."""
    scaled = call.x if layer.factor == 1.0 else g.add("Mul", call.x, g.floats(layer.factor))
    return [g.add("Add", scaled, g.floats(layer.offset))]


@exports(GetItem)
def export_get_item(g: OnnxGraph, layer: GetItem, call: ExportCall) -> list[str]:
    """What is taken of each axis, the last one first, so that the others keep their numbers."""
    result = call.x
    for axis in range(len(layer.places), 0, -1):
        place = layer.place_of(axis)
        if isinstance(place, list):
            start, count = layer.range_of(axis, call.shape[axis])
            result = g.slice(result, axis, start, start + count)
        elif place is not None:
            result = g.squeeze(g.slice(result, axis, place, place + 1 if place != -1 else LAST), axis)
    return [result]
