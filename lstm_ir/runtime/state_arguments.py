"""The states that a call, or a state handle, is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lstm_ir.runtime.arguments import Array, as_tensor
from lstm_ir.runtime.device import Device
from lstm_ir.runtime.device_array import DeviceArray
from lstm_ir.runtime.errors import ArgumentError, ArgumentTypeError
from lstm_ir.runtime.spec import TensorSpec

__all__ = ["bind_states"]


def bind_states(
    specs: Sequence[TensorSpec],
    given: Any,
    batch: int | None,
    device: Device,
    takes: Callable[[Device], bool],
    label: str = "initial_state",
) -> list[Array | DeviceArray | None]:
    """Puts states given in order (list, tuple) or by name (mapping) into the order of the specs and checks them.

    Names that a mapping leaves out come back as None: the caller decides what they stand for.

    Raises:
      ArgumentTypeError: Neither a list, a tuple nor a mapping, or a state of a wrong dtype.
      ArgumentError: Wrong count, unknown names, wrong shapes or batch.
    """
    names = [spec.name for spec in specs]
    listing = ", ".join(map(repr, names)) or "none"
    if isinstance(given, Mapping):
        unknown = [str(name) for name in given if name not in names]
        if unknown:
            raise ArgumentError(f"{label}: unknown {', '.join(map(repr, unknown))}; the module's states are {listing}")
        values = [given.get(name) for name in names]
    elif isinstance(given, list | tuple):
        if len(given) != len(specs):
            raise ArgumentError(f"{label}: must have {len(specs)} states ({listing}); got {len(given)}")
        for name, value in zip(names, given, strict=True):
            if value is None:
                raise ArgumentTypeError(f"{label} {name!r}: must be an array; got None")
        values = list(given)
    else:
        raise ArgumentTypeError(
            f"{label}: must be a list or tuple in the order {listing}, or a dict by name; got {type(given).__name__}"
        )
    bound: list[Array | DeviceArray | None] = []
    for spec, value in zip(specs, values, strict=True):
        if value is None:
            bound.append(None)
            continue
        array = as_tensor(value, spec, f"{label} {spec.name!r}", device, takes)
        if batch is not None and spec.batch_axis is not None and array.shape[spec.batch_axis] != batch:
            raise ArgumentError(
                f"{label} {spec.name!r}: must have batch {batch}; got {array.shape[spec.batch_axis]} in {array.shape}"
            )
        bound.append(array)
    return bound
