"""Whether a module's code can run here: backend, architecture and CPU features, checked before any of it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lstm_ir.runtime.cpu_features import host_arch, host_features, missing_features
from lstm_ir.runtime.errors import ArtifactError, TargetError

__all__ = ["DRIVERS_BY_BACKEND", "check_target", "choose_target"]

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


def choose_target(descriptions: Sequence[Mapping[str, Any]], device: Any, threads: Any) -> int:
    """Chooses which code of an artifact for several targets is to run: the first that the named device runs.

    Args:
      descriptions: The artifact's, one for each target.
      device: As ``load`` was given it. None is the first target's, or a CPU where ``threads`` is given.
      threads: As ``load`` was given it.

    Returns:
      The place in ``descriptions``; 0 where there is but one, or the arguments are wrong, which is found later.

    Raises:
      TargetError: The artifact has several, and none for the device.
    """
    if len(descriptions) == 1 or not isinstance(device, str | None) or (device is None and threads is None):
        return 0
    driver = "local-task" if device is None else device.partition(":")[0]
    backends = [_backend(description) for description in descriptions]
    for place, backend in enumerate(backends):
        if driver in DRIVERS_BY_BACKEND.get(backend, ()):
            return place
    asked = "threads" if device is None else f"device {device!r}"
    raise TargetError(f"{asked}: the artifact has code for {', '.join(backends)} alone")


def _backend(description: Mapping[str, Any]) -> str:
    target = description["target"]
    return str(target.get("backend")) if isinstance(target, dict) else ""
