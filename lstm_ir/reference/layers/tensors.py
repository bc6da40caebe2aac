"""Merging and reshaping in float64."""

from functools import reduce

import numpy as np

from lstm_ir.layers.folded_steps import FoldSteps, UnfoldSteps, ZeroStates
from lstm_ir.layers.inference_identity import InferenceIdentity
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
from lstm_ir.reference.registry import ReferenceCall, reference
from lstm_ir.reference.rounding import Float64

_OPERATIONS = {
    "add": np.add,
    "ave": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
}


@reference(Merge)
def run_merge(layer: Merge, call: ReferenceCall) -> list[Float64]:
    """The inputs merged element by element, missing axes put behind the batch."""
    rank = max(x.ndim for x in call.inputs)
    inputs = [x.reshape(x.shape[0], *([1] * (rank - x.ndim)), *x.shape[1:]) for x in call.inputs]
    result = reduce(_OPERATIONS[layer.operation], inputs)
    return [result / len(inputs) if layer.operation == "ave" else result]


@reference(Concatenate)
def run_concatenate(layer: Concatenate, call: ReferenceCall) -> list[Float64]:
    """The inputs behind each other."""
    return [np.concatenate(call.inputs, axis=layer.axis)]


@reference(Affine)
def run_affine(layer: Affine, call: ReferenceCall) -> list[Float64]:
    """The input times a number plus a number."""
    return [layer.factor * call.x + layer.offset]


@reference(GetItem)
def run_get_item(layer: GetItem, call: ReferenceCall) -> list[Float64]:
    """What is taken of each axis."""
    places = [slice(None) if p is None else slice(*p) if isinstance(p, list) else p for p in layer.places]
    return [call.x[(slice(None), *places)]]


@reference(InferenceIdentity)
def run_identity(layer: InferenceIdentity, call: ReferenceCall) -> list[Float64]:
    """The input."""
    return [call.x]


@reference(Flatten)
def run_flatten(layer: Flatten, call: ReferenceCall) -> list[Float64]:
    """All axes but the batch as one."""
    return [call.x.reshape(len(call.x), -1)]


@reference(Reshape)
def run_reshape(layer: Reshape, call: ReferenceCall) -> list[Float64]:
    """The elements of each sample in another shape."""
    return [call.x.reshape(len(call.x), *layer.target_shape)]


@reference(Permute)
def run_permute(layer: Permute, call: ReferenceCall) -> list[Float64]:
    """The axes in another order."""
    return [call.x.transpose(0, *layer.dims)]


@reference(RepeatVector)
def run_repeat_vector(layer: RepeatVector, call: ReferenceCall) -> list[Float64]:
    """A sequence of equal steps."""
    return [np.repeat(call.x[:, np.newaxis], layer.n, axis=1)]


@reference(UpSampling1D)
def run_up_sampling(layer: UpSampling1D, call: ReferenceCall) -> list[Float64]:
    """Each step several times."""
    return [np.repeat(call.x, layer.size, axis=1)]


@reference(Cropping1D)
def run_cropping(layer: Cropping1D, call: ReferenceCall) -> list[Float64]:
    """A sequence without its first and last steps."""
    before, behind = layer.cropping
    return [call.x[:, before : call.x.shape[1] - behind]]


@reference(ZeroPadding1D)
def run_zero_padding(layer: ZeroPadding1D, call: ReferenceCall) -> list[Float64]:
    """Zeros before and behind a sequence."""
    return [np.pad(call.x, ((0, 0), layer.padding, (0, 0)))]


@reference(FoldSteps)
def run_fold_steps(layer: FoldSteps, call: ReferenceCall) -> list[Float64]:
    """All steps of all samples as samples."""
    layer.check_mask(call.mask)
    return [call.x.reshape(-1, *call.x.shape[2:])]


@reference(UnfoldSteps)
def run_unfold_steps(layer: UnfoldSteps, call: ReferenceCall) -> list[Float64]:
    """The samples by batch and time of the first input."""
    layer.check_mask(call.masks[1])
    steps, samples = call.inputs
    return [samples.reshape(*steps.shape[:2], *samples.shape[1:])]


@reference(ZeroStates)
def run_zero_states(layer: ZeroStates, call: ReferenceCall) -> list[Float64]:
    """States of zeros."""
    return [np.zeros((len(call.x), length)) for length in layer.lengths]


@reference(StackStates)
def run_stack_states(layer: StackStates, call: ReferenceCall) -> list[Float64]:
    """The matrices one above the other."""
    return [np.stack(call.inputs)]
