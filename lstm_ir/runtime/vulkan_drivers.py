"""Binds Vulkan drivers that are built on LLVM to their own LLVM, before another library's takes its place.

Mesa's Vulkan device in software (lavapipe) compiles kernels with a shared libLLVM. TensorFlow loads its libraries with
``RTLD_GLOBAL``, and those export the symbols of the LLVM inside them: as ELF looks symbols up, Mesa's libLLVM then
gets TensorFlow's vtables and functions, of another version, and the process dies in its first kernel or hangs at its
end, whichever of the two was loaded first. A driver that was loaded with ``RTLD_DEEPBIND`` looks into its own
libraries first; the Vulkan loader, which loads it again, gets the library as it is.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
from pathlib import Path

__all__ = ["bind_drivers", "driver_libraries"]

_bound: list[ctypes.CDLL] | None = None  # what was loaded; None before
_lock = threading.Lock()


def bind_drivers() -> None:
    """Loads the drivers that are built on a shared LLVM, once in a process. To be called before the Vulkan loader.

    A driver that cannot be loaded is left to the Vulkan loader, which knows what to make of it.
    """
    global _bound
    with _lock:
        if _bound is None:
            _bound = []
            if hasattr(os, "RTLD_DEEPBIND"):  # glibc's
                _bound += filter(None, map(_bind, driver_libraries()))


def _bind(library: Path) -> ctypes.CDLL | None:
    try:
        if b"libLLVM" not in library.read_bytes():
            return None
        # RTLD_NOW: a symbol that is looked up when it is first used is looked up after TensorFlow came.
        return ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND)
    except OSError:
        return None


def driver_libraries() -> list[Path]:
    """The drivers that this machine's manifests name, found as the Vulkan loader finds them on Linux."""
    found = []
    for manifest in _manifests():
        try:
            library = str(json.loads(manifest.read_text(encoding="utf-8"))["ICD"]["library_path"])
        except (OSError, ValueError, KeyError, TypeError):  # not a manifest: not ours to complain of
            continue
        # A path is relative to the manifest; a bare name is for the dynamic linker's search.
        found.append(manifest.parent / library if "/" in library else _in_system_folders(library))
    return list(dict.fromkeys(found))


def _manifests() -> list[Path]:
    environ = os.environ
    named = environ.get("VK_DRIVER_FILES") or environ.get("VK_ICD_FILENAMES")
    if named:
        places = _paths(named)
    else:
        places = _paths(environ.get("VK_ADD_DRIVER_FILES", ""))
        home = Path(environ.get("HOME", "/"))
        folders = [Path(environ.get("XDG_CONFIG_HOME") or home / ".config")]
        folders += _paths(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg")
        folders += [Path("/usr/local/etc"), Path("/etc")]
        folders += [Path(environ.get("XDG_DATA_HOME") or home / ".local/share")]
        folders += _paths(environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share")
        places += [folder / "vulkan/icd.d" for folder in folders]
    manifests: list[Path] = []
    for place in places:
        manifests += sorted(place.glob("*.json")) if place.is_dir() else [place]
    return manifests


def _paths(text: str) -> list[Path]:
    return [Path(part) for part in text.split(os.pathsep) if part]


def _in_system_folders(name: str) -> Path:
    """Where the dynamic linker has a library of this name, or the name alone."""
    folders = _paths(os.environ.get("LD_LIBRARY_PATH", ""))
    folders += [Path("/usr/lib") / f"{os.uname().machine}-linux-gnu", Path("/usr/lib64"), Path("/usr/lib")]
    return next((folder / name for folder in folders if (folder / name).exists()), Path(name))
