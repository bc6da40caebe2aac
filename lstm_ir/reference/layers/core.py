"""Masking, Dropout, Activation and Dense in float64."""

import numpy as np

from lstm_ir.layers.activation_layer import ActivationLayer
from lstm_ir.layers.attach_mask import AttachMask
from lstm_ir.layers.dense import Dense
from lstm_ir.layers.dropout import Dropout
from lstm_ir.layers.masking import Masking
from lstm_ir.reference.activations import apply_activation
from lstm_ir.reference.registry import Masked, ReferenceCall, reference, weights_of
from lstm_ir.reference.rounding import Float64, round_to


@reference(Masking)
def run_masking(layer: Masking, call: ReferenceCall) -> Masked:
    """The input with zeros where all features of a step equal the mask value, which is rounded as the input is."""
    absent = round_to(layer.mask_value, layer.compute_dtype)
    keep = np.any(call.x != absent, axis=-1)
    return Masked([np.where(keep[..., np.newaxis], call.x, 0.0)], [keep])


@reference(AttachMask)
def run_attach_mask(layer: AttachMask, call: ReferenceCall) -> Masked:
    """The first input, with the second as its mask."""
    return Masked([call.x], [layer.compute_mask(call.inputs)])


@reference(Dropout)
def run_dropout(layer: Dropout, call: ReferenceCall) -> list[Float64]:
    """The input: nothing is dropped outside training."""
    return [call.x]


@reference(ActivationLayer)
def run_activation(layer: ActivationLayer, call: ReferenceCall) -> list[Float64]:
    """The activation of the input."""
    return [apply_activation(layer.activation, call.x, layer.compute_dtype)]


@reference(Dense)
def run_dense(layer: Dense, call: ReferenceCall) -> list[Float64]:
    """``activation(x kernel + bias)``."""
    weights = weights_of(layer)
    z = call.x @ weights[0]
    return [apply_activation(layer.activation, z + weights[1] if layer.use_bias else z, layer.compute_dtype)]
