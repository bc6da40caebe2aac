"""The case of a model file or an artifact that the user names."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.tools.bench.case import Case
from lstm_ir.tools.bench.network import Array

if TYPE_CHECKING:
    from lstm_ir.layers import Model
    from lstm_ir.runtime import Module

DEFAULT_BATCH = 1
DEFAULT_STEPS = 100


def model_case(
    name: str,
    module: "Module",
    model: "Model | None",
    batch: int | None,
    steps: int | None,
    file: Path | None = None,
) -> Case:
    """Return the case of a loaded module with drawn inputs.

    Args:
        name: What to call it.
        module: The module.
        model: What it was compiled from, or None where that is not at hand.
        batch: Number of sequences; None takes what is fixed, or 1.
        steps: Number of time steps; None takes what is fixed, or 100.
        file: The model's file.

    Raises:
        ArgumentError: A size contradicts what the module fixes; an artifact of another model.
        UnsupportedError: A module compiled for training.
    """
    if module.takes_seed:
        raise UnsupportedError("artifact: compiled with --training, whose numbers nothing here can check")
    if model is not None:
        from lstm_ir.tools.verification import check_same_model

        check_same_model(model, module)
    declared = [spec.shape for spec in module.inputs] if model is None else [given.shape for given in model.inputs]
    sizes = [
        (
            _size("batch", spec.batch_axis, spec.shape, own, batch, DEFAULT_BATCH),
            _size("time", spec.time_axis, spec.shape, own, steps, DEFAULT_STEPS),
        )
        for spec, own in zip(module.inputs, declared, strict=True)
    ]
    rows, count = (max(found) for found in zip(*sizes, strict=True))
    random = np.random.default_rng(0)
    inputs: dict[str, Array] = {}
    for spec, (own_rows, own_count) in zip(module.inputs, sizes, strict=True):
        by_axis = {spec.batch_axis: own_rows, spec.time_axis: own_count}
        shape = [by_axis.get(axis) or size or own_count for axis, size in enumerate(spec.shape)]
        if not spec.dtype.startswith("int"):
            dtype = np.float64 if spec.dtype == "float64" else np.float32
            inputs[spec.name] = random.standard_normal(shape).astype(dtype)
        elif spec.limit is not None:
            inputs[spec.name] = random.integers(0, spec.limit, shape, np.int32)
        else:  # they may be lengths of sequences, which are whole then
            inputs[spec.name] = np.full(shape, count, np.int32)
    x = next(iter(inputs.values()))
    shown = {"B": rows, "T": count, "I": x.shape[-1]}
    several = inputs if len(inputs) > 1 else {}
    return Case(f"{name} {rows},{count}", model, x, rows, count, sizes=shown, inputs=several, file=file)


def _size(name: str, axis: int | None, fixed: Any, declared: Any, asked: int | None, default: int) -> int:
    if axis is None:
        return asked or 1
    if fixed[axis] is not None and asked is not None and fixed[axis] != asked:
        raise ArgumentError(f"{name}: got {asked}, the artifact fixes it to {fixed[axis]}")
    return int(fixed[axis] or asked or declared[axis] or default)
