"""Loads compiled modules and runs them. Needs NumPy and iree.runtime, and nothing else of this package.

``iree.runtime`` takes a third of NumPy's own import time, so it is imported with the first name that needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lstm_ir.runtime.errors import (
    ArgumentError,
    ArgumentTypeError,
    ArtifactError,
    ExecutionError,
    LstmIrError,
    TargetError,
)

if TYPE_CHECKING:
    from lstm_ir.runtime.artifact import join, pack, unpack, unpack_all
    from lstm_ir.runtime.cpu_features import host_arch, host_features
    from lstm_ir.runtime.device import DeviceInfo, available_devices
    from lstm_ir.runtime.device_array import DeviceArray
    from lstm_ir.runtime.module import Module, load
    from lstm_ir.runtime.spec import TensorSpec
    from lstm_ir.runtime.state import State

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ArtifactError",
    "DeviceArray",
    "DeviceInfo",
    "ExecutionError",
    "LstmIrError",
    "Module",
    "State",
    "TargetError",
    "TensorSpec",
    "available_devices",
    "host_arch",
    "host_features",
    "join",
    "load",
    "pack",
    "unpack",
    "unpack_all",
]

_HOMES = {
    "DeviceArray": "device_array",
    "DeviceInfo": "device",
    "Module": "module",
    "State": "state",
    "TensorSpec": "spec",
    "available_devices": "device",
    "host_arch": "cpu_features",
    "host_features": "cpu_features",
    "join": "artifact",
    "load": "module",
    "pack": "artifact",
    "unpack": "artifact",
    "unpack_all": "artifact",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
