"""NVIDIA's driver library under the one name by which IREE looks for it."""

from __future__ import annotations

import ctypes

__all__ = ["missing_link"]

_WANTED, _INSTALLED = "libcuda.so", "libcuda.so.1"


def missing_link() -> str | None:
    """What to do where the driver is installed and IREE does not find it, which is not where programs are built."""
    if _loads(_WANTED) or not _loads(_INSTALLED):
        return None
    return (
        f"IREE looks for {_WANTED} and this machine has {_INSTALLED} only: make a link of that name to it in a folder "
        "that LD_LIBRARY_PATH names before Python starts"
    )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
