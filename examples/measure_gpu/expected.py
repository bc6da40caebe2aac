"""What must come out, in float64 on PyTorch's device: a plain loop, which NumPy would take minutes for."""

from typing import Any

import numpy as np
import torch
from plan import Measured


def expected(what: Measured, x: np.ndarray[Any, Any], mask: np.ndarray[Any, Any] | None, where: str) -> Any:
    """Return the output, float64 [T, B, ...]; input and weights are rounded to the layer's type first."""
    dtype = getattr(torch, what.dtype)

    def rounded(array: np.ndarray[Any, Any]) -> Any:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(where, dtype).double()

    weights = iter(what.model.get_weights())
    y = rounded(x)
    valid = None if mask is None else torch.from_numpy(mask).to(where)[..., None]
    for _ in range(what.shape.layers):
        outputs = []
        for is_backward in (False, True) if what.shape.is_bidirectional else (False,):
            kernel, recurrent_kernel, bias = (rounded(next(weights)) for _ in range(3))
            outputs.append(_scan(what, y @ kernel + bias, recurrent_kernel, valid, is_backward=is_backward))
        y = torch.cat(outputs, -1)
    return y


def _scan(what: Measured, projected: Any, recurrent_kernel: Any, valid: Any, *, is_backward: bool) -> Any:
    gate = torch.sigmoid
    if what.variant == "hard_sigmoid":
        gate = _hard_sigmoid
    h = c = projected.new_zeros(projected.shape[1], what.shape.units)
    outputs: list[Any] = [None] * len(projected)
    for t in reversed(range(len(projected))) if is_backward else range(len(projected)):
        i, f, g, o = (projected[t] + h @ recurrent_kernel).chunk(4, -1)
        new_c = gate(f) * c + gate(i) * torch.tanh(g)
        new_h = gate(o) * torch.tanh(new_c)
        h, c = (new_h, new_c) if valid is None else (torch.where(valid[t], new_h, h), torch.where(valid[t], new_c, c))
        outputs[t] = h
    return torch.stack(outputs)


def _hard_sigmoid(x: Any) -> Any:
    return torch.clamp(0.2 * x + 0.5, 0, 1)
