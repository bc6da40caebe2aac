"""Devices: which exist here, and one shared by all modules of a process for each driver and thread count."""

from __future__ import annotations

import os
import re
import shlex
import threading
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

# Only the binding creates an uncached driver, and the number of local-task's workers is the driver's, not the
# device's; iree-base-runtime is pinned to one minor version.
from iree.runtime import _binding as iree

from lstm_ir.runtime.cpu_topology import default_workers
from lstm_ir.runtime.cuda_driver import missing_link
from lstm_ir.runtime.errors import ArgumentError, ArgumentTypeError, TargetError
from lstm_ir.runtime.target import DRIVERS_BY_BACKEND
from lstm_ir.runtime.vulkan_drivers import bind_drivers
from lstm_ir.runtime.worker_threads import WorkerThreads

__all__ = [
    "Device",
    "DeviceInfo",
    "available_devices",
    "free_workers",
    "open_all_cores",
    "open_beside_caller",
    "open_device",
    "reason_of",
]

MAX_THREADS = 256
"""IREE starts no more local-task workers than this, whatever it is asked for."""

_LOCAL_DRIVERS = ("local-sync", "local-task")
_KEEPING = ["caching:device_local=4mib;16mib;64"]
"""How local-sync allocates: freed buffers of up to 4 MiB serve again, 64 of them and 16 MiB in all at most. The C
library gives memory of some 100 KiB back to the system at every call, and each page that the next call is given again
is a page fault. (local-task keeps memory by itself.)"""
_AWAKE_US = 200
"""How long workers of ``open_beside_caller`` look for more to do before they sleep. A call that follows soon finds them
awake; on a virtual machine to wake a core may stop the caller's for 0.4 ms. It is less than the calls that they help
with take by themselves."""
_SOFTWARE = "llvmpipe"
"""In the names of Mesa's Vulkan devices in software."""


_NONE = WorkerThreads({})


@dataclass(frozen=True, eq=False)
class Device:
    """An open device: IREE's handle, its allocator and the VM module that lets compiled code use it.

    Attributes:
      name: What ``load(device=...)`` calls it.
      driver: IREE's driver.
      threads: The number of workers that was asked for, or None.
      hal: IREE's device.
      hal_module: IREE's VM module of it.
      allocator: IREE's allocator of it.
      beside: Of local-task on all cores: local-sync. Large calls may be given buffers that small ones made, and their
        results may lie in them, so the one device keeps the other.
      staging: IREE's buffers of host memory through which results are read back, those that nobody uses right now.
      worker_threads: Of a device of ``open_beside_caller`` its workers.
    """

    name: str
    driver: str
    threads: int | None
    hal: Any
    hal_module: Any
    allocator: Any
    beside: Device | None = None
    staging: list[Any] = field(default_factory=list)
    worker_threads: WorkerThreads = _NONE

    @property
    def is_local(self) -> bool:
        """Whether the device is this machine's CPU, whose buffers NumPy can read directly."""
        return self.driver in _LOCAL_DRIVERS

    @property
    def workers(self) -> int:
        """How many threads run a dispatch's workgroups side by side; 1 for devices that are not CPUs."""
        if self.driver != "local-task":
            return 1
        return default_workers() if self.threads is None else self.threads


@dataclass(frozen=True)
class DeviceInfo:
    """A device that ``load(device=...)`` accepts on this machine."""

    device: str
    driver: str
    description: str
    backends: tuple[str, ...]


_lock = threading.Lock()
# Keyed by process too: a forked child has none of its parent's worker threads and must open its own.
_open: dict[tuple[int, str, int | None], Device] = {}
_instances: dict[int, Any] = {}
_FIRST_PROCESS = os.getpid()


def vm_instance() -> Any:
    """IREE's VM instance, one for the process."""
    pid = os.getpid()
    if pid not in _instances:
        _instances.setdefault(pid, iree.VmInstance())
    return _instances[pid]


def open_device(backend: str, advised: str | None, device: str | None, threads: int | None) -> Device:
    """Opens, or finds already open, the device that a module is to run on.

    Args:
      backend: The compiler backend that made the module.
      advised: The driver that the artifact's description advises by the size of its work, or None. Where there is
        one core only, local-sync is taken in place of local-task.
      device: A driver ("local-sync", "local-task", "cuda" ...), a driver's device by number ("vulkan:0", "cuda:1") or
        by IREE's path ("vulkan://GPU-..."), or None to let the artifact say. A driver alone is its device 0.
      threads: Worker threads, CPU only. 1 is local-sync (the caller's own thread); more is local-task with that
        many workers; None leaves the number to IREE: one a physical core.

    Raises:
      TargetError: No such device here, or it cannot run the backend's code.
      ArgumentError: ``threads`` is out of range or contradicts ``device``.
      ArgumentTypeError: An argument of the wrong type.
    """
    drivers = DRIVERS_BY_BACKEND[backend]
    _check_threads(threads, device, drivers)
    if device is None:
        if threads is not None:
            device = "local-sync" if threads == 1 else "local-task"
        else:
            device = advised if advised in drivers else drivers[0]
            if device == "local-task" and default_workers() == 1:
                device = "local-sync"  # one worker would only add the way to it and back
    elif not isinstance(device, str):
        raise ArgumentTypeError(f"device: must be a str such as 'local-task' or None; got {type(device).__name__}")
    driver = device.partition(":")[0]
    if driver not in iree.HalDriver.query():
        raise TargetError(f"device {device!r}: no such device; this machine has {_names_here()}")
    if driver not in drivers:
        raise TargetError(
            f"device {device!r} cannot run a module made for {backend}, which needs {' or '.join(drivers)}; "
            f"this machine has {_names_here()}"
        )
    with _lock:
        if driver not in _LOCAL_DRIVERS:
            return _find_numbered(backend, device, driver)
        return _find(backend, device, driver, threads if driver == "local-task" else None)


def open_all_cores() -> Device:
    """The local-task device with as many workers as IREE chooses."""
    return open_device("llvm-cpu", None, "local-task", None)


def open_beside_caller(workers: int) -> Device:
    """A local-task device with so many workers, which can be told to leave the caller's core to it.

    One of its own, as its workers are known and stay awake for a moment when they are done.
    """
    with _lock:
        key = (os.getpid(), "beside-caller", workers)
        if key not in _open:
            opened, threads = WorkerThreads.started_by(
                lambda: _create("llvm-cpu", "local-task", "local-task", workers, None, spin_us=_AWAKE_US), workers
            )
            _open[key] = replace(opened, worker_threads=threads)
        return _open[key]


def free_workers(backend: str, device: str | None, threads: int | None) -> int:
    """How many workers a module's large calls may be spread over if its small ones run on local-sync.

    Returns:
      1 where it was said how calls are to run, for what does not run on CPUs, and where there is one core only.
    """
    if device is not None or threads is not None or "local-task" not in DRIVERS_BY_BACKEND[backend]:
        return 1
    return default_workers()


def _find(backend: str, device: str, driver: str, threads: int | None) -> Device:
    key = (os.getpid(), device, threads)
    if key not in _open:
        beside = None
        if device == "local-task" and threads is None:
            beside = _find(backend, "local-sync", "local-sync", None)
        _open[key] = _create(backend, device, driver, threads, beside)
    return _open[key]


def _find_numbered(backend: str, device: str, driver: str) -> Device:
    """Returns a driver's device, which has one name however it was asked for."""
    try:
        entries = _cached_driver(driver).query_available_devices()
    except (RuntimeError, ValueError) as error:
        raise _cannot_open(backend, device, reason_of(error)) from error
    if not entries:
        raise _cannot_open(backend, device, f"driver {driver} finds no device")
    number = _number(device, driver, [str(entry.get("path", "")) for entry in entries])
    if number is None:
        count = len(entries)
        raise TargetError(
            f"device {device!r}: driver {driver} has {count} device{'' if count == 1 else 's'} here; "
            f"this machine has {_names_here()}"
        )
    name = f"{driver}:{number}"
    key = (os.getpid(), name, None)
    if key not in _open:
        _open[key] = _create(backend, name, driver, None, None, entries[number]["device_id"])
        if _SOFTWARE in str(entries[number].get("name", "")):
            warnings.warn(
                f"device {name!r} is Mesa's lavapipe, for tests: it ends loops of more than 65535 iterations without a "
                "word, so that long sequences come out wrong (docs/gpu.md)",
                RuntimeWarning,
                stacklevel=2,
            )
    return _open[key]


def _number(device: str, driver: str, paths: list[str]) -> int | None:
    """Returns which of a driver's devices is meant, or None if it has no such one."""
    where = device[len(driver) :]
    if where.startswith("://"):
        return paths.index(where[3:]) if where[3:] in paths else None
    number = where[1:] or "0"
    return int(number) if number.isdecimal() and int(number) < len(paths) else None


def _cannot_open(backend: str, device: str, reason: str) -> TargetError:
    if backend == "cuda":
        reason = missing_link() or reason
    return TargetError(
        f"the module is made for {backend} and device {device!r} cannot be opened here ({reason}); "
        f"this machine has {_names_here()}"
    )


def available_devices() -> list[DeviceInfo]:
    """The devices of this machine that modules can run on, CPU first. Opens none of them."""
    found = []
    for driver in sorted(iree.HalDriver.query(), key=lambda name: (name not in _LOCAL_DRIVERS, name)):
        backends = tuple(backend for backend, drivers in DRIVERS_BY_BACKEND.items() if driver in drivers)
        if not backends:
            continue
        if driver in _LOCAL_DRIVERS:
            # Known to exist; asking local-task would start its worker threads.
            about = "the caller's thread" if driver == "local-sync" else "worker threads, one a physical core"
            found.append(DeviceInfo(driver, driver, about, backends))
            continue
        try:
            entries = _cached_driver(driver).query_available_devices()
        except (RuntimeError, ValueError):  # no such hardware, or no library for it
            continue
        for number, entry in enumerate(entries):
            found.append(DeviceInfo(f"{driver}:{number}", driver, str(entry.get("name", "")), backends))
    return found


def _names_here() -> str:
    return ", ".join(info.device for info in available_devices())


def _check_threads(threads: int | None, device: str | None, drivers: tuple[str, ...]) -> None:
    if threads is None:
        return
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise ArgumentTypeError(f"threads: must be an int or None; got {type(threads).__name__}")
    if not 1 <= threads <= MAX_THREADS:
        raise ArgumentError(f"threads: must be from 1 to {MAX_THREADS}; got {threads}")
    if drivers[0] not in _LOCAL_DRIVERS:
        raise ArgumentError(f"threads: only CPU modules have threads; this one runs on {drivers[0]}")
    if device == "local-sync" and threads != 1:
        raise ArgumentError(f"threads: local-sync runs on the caller's thread alone; got threads={threads}")


def _create(
    backend: str,
    device: str,
    driver: str,
    threads: int | None,
    beside: Device | None,
    device_id: int | None = None,
    spin_us: int | None = None,
) -> Device:
    try:
        opened = _create_driver(driver, threads, spin_us)
        allocators = _KEEPING if driver == "local-sync" else None
        if device_id is None:
            hal = opened.create_device_by_uri(device, allocators=allocators)
        else:
            hal = opened.create_device(device_id)
        hal_module = iree.create_hal_module(vm_instance(), hal)
    except (RuntimeError, ValueError) as error:
        raise _cannot_open(backend, device, reason_of(error)) from error
    return Device(device, driver, threads, hal, hal_module, hal.allocator, beside)


def _cached_driver(driver: str) -> Any:
    """IREE's driver of a name, one for the process."""
    if driver == "vulkan":
        bind_drivers()
    return iree.get_cached_hal_driver(driver)


def _create_driver(driver: str, threads: int | None, spin_us: int | None = None) -> Any:
    if threads is None and (driver not in _LOCAL_DRIVERS or os.getpid() == _FIRST_PROCESS):
        return _cached_driver(driver)
    # Worker threads are the driver's, and a forked process has lost those of IREE's cached one.
    if threads is None:
        return iree.create_hal_driver(driver)
    # IREE's only way to choose the number of workers is a process-wide flag that is read when a driver is made:
    # set it, make a driver of our own, and put back what the user's environment says.
    spin = [] if spin_us is None else [f"--task_worker_spin_us={spin_us}"]
    try:
        iree.parse_flags(f"--task_topology_group_count={threads}", *spin)
        return iree.create_hal_driver(driver)
    finally:
        users = shlex.split(os.environ.get("IREE_PY_RUNTIME_FLAGS", ""))
        iree.parse_flags("--task_topology_group_count=0", "--task_worker_spin_us=0", *users)


def reason_of(error: Exception) -> str:
    """The readable part of an error of IREE's: the text between the source position with the status code and advice."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    found = re.search(r": [A-Z_]+; ([^;]*)", text)
    return found.group(1) if found else text
