"""Whether a module's code can run here: backend, architecture and CPU features, checked before any of it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lstm_ir.runtime.cpu_features import host_arch, host_features, missing_features
from lstm_ir.runtime.errors import ArtifactError, TargetError

__all__ = ["DRIVERS_BY_BACKEND", "check_target"]

DRIVERS_BY_BACKEND: dict[str, tuple[str, ...]] = {
    "llvm-cpu": ("local-sync", "local-task"),
    "vmvx": ("local-sync", "local-task"),
    "cuda": ("cuda",),
    "rocm": ("hip",),
    "vulkan-spirv": ("vulkan",),
}
"""IREE's compiler backends and the runtime drivers that run their code."""


def check_target(target: Mapping[str, Any]) -> str:
    """Checks a description's ``target`` against this machine.

    Args:
      target: ``{"backend": ..., "arch": ..., "cpu": ..., "features": [...]}``; the last three for CPU code only.

    Returns:
      The backend's name.

    Raises:
      TargetError: Another architecture, or CPU features that this machine lacks (all are named).
      ArtifactError: No such backend.
    """
    backend = target.get("backend")
    if not isinstance(backend, str) or backend not in DRIVERS_BY_BACKEND:
        raise ArtifactError(
            f"artifact: unknown backend {backend!r} in the description; known: {', '.join(DRIVERS_BY_BACKEND)}"
        )
    if backend != "llvm-cpu":
        return backend
    arch = target.get("arch")
    if arch is not None and arch != host_arch():
        raise TargetError(
            f"the module is made for {arch} and this machine is {host_arch()}: compile it for {host_arch()}"
        )
    missing = missing_features(target.get("features") or (), host_features())
    if missing:
        cpu = target.get("cpu")
        made_for = f" (made for {cpu})" if cpu else ""
        raise TargetError(
            f"the module{made_for} needs CPU features that this machine lacks: {', '.join(missing)}; compile it here, "
            "or with --target-cpu naming a CPU that both have (x86-64-v3, generic ...)"
        )
    return backend
