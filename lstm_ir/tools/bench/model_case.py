"""The case of a model file or an artifact that the user names."""

from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_ir.errors import ArgumentError, UnsupportedError
from lstm_ir.tools.bench.case import Case

if TYPE_CHECKING:
    from lstm_ir.layers import Model
    from lstm_ir.runtime import Module

DEFAULT_BATCH = 1
DEFAULT_STEPS = 100


def model_case(name: str, module: "Module", model: "Model | None", batch: int | None, steps: int | None) -> Case:
    """Return the case of a loaded module with a drawn input.

    Args:
        name: What to call it.
        module: The module.
        model: What it was compiled from, or None where that is not at hand.
        batch: Number of sequences; None takes what is fixed, or 1.
        steps: Number of time steps; None takes what is fixed, or 100.

    Raises:
        ArgumentError: A size contradicts what the module fixes; an artifact of another model.
        UnsupportedError: A module compiled for training, or with several inputs.
    """
    if module.takes_seed:
        raise UnsupportedError("artifact: compiled with --training, whose numbers nothing here can check")
    if len(module.inputs) != 1:
        raise UnsupportedError(f"artifact: has {len(module.inputs)} inputs, the benchmark draws one")
    (spec,) = module.inputs
    if spec.dtype.startswith("int"):
        raise UnsupportedError(f"artifact: input {spec.name!r} takes integers, the benchmark draws floats")
    if model is not None:
        from lstm_ir.tools.verification import check_same_model

        check_same_model(model, module)
    declared: Any = spec.shape if model is None else model.inputs[0].shape
    rows = _size("batch", spec.batch_axis, spec.shape, declared, batch, DEFAULT_BATCH)
    count = _size("time", spec.time_axis, spec.shape, declared, steps, DEFAULT_STEPS)
    sizes = {spec.batch_axis: rows, spec.time_axis: count}
    shape = [sizes.get(axis) or size or count for axis, size in enumerate(spec.shape)]
    dtype = np.float64 if spec.dtype == "float64" else np.float32
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    shown = {"B": rows, "T": count, "I": shape[-1]}
    return Case(f"{name} {rows},{count}", model, x, rows, count, sizes=shown)


def _size(name: str, axis: int | None, fixed: Any, declared: Any, asked: int | None, default: int) -> int:
    if axis is None:
        return asked or 1
    if fixed[axis] is not None and asked is not None and fixed[axis] != asked:
        raise ArgumentError(f"{name}: got {asked}, the artifact fixes it to {fixed[axis]}")
    return int(fixed[axis] or asked or declared[axis] or default)
