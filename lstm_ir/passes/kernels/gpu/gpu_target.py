"""A GPU to compile for: what IREE is told of it, and what it says of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lstm_ir.errors import ArgumentError, CompileError
from lstm_ir.passes.iree_session import BASE_FLAGS, PROBE, ir_after

_ATTRIBUTE = re.compile(r"#hal\.device\.target<.*> : !hal\.device")
_PARTS = {
    "arch": r'#iree_gpu\.target<arch = "([^"]*)"',
    "features": r'#iree_gpu\.target<[^>]*?features = "([^"]*)"',
    "compute": r"wgp = <compute = ([\w|]+)",
    "storage": r"storage = ([\w|]+)",
    "threads": r"max_thread_count_per_workgroup = (\d+)",
    "memory": r"max_workgroup_memory_bytes = (\d+)",
}

_MATRICES = {"f16": "NV_WMMA_F32_16x16x16_F16", "bf16": "NV_MMA_SYNC_F32_16x8x16_BF16"}
"""What IREE's attribute says of GPUs that multiply matrices of a type."""


@dataclass(frozen=True, eq=False)
class Gpu:
    """A GPU as IREE describes it, or one unlike it.

    Attributes:
        known: The name of one that IREE knows. Its compiler dies of a name that it does not know, and this process
            with it.
        changes: What is otherwise, text of IREE's attribute by the text that takes its place.
        multiprocessors: How many workgroups that fill a multiprocessor are counted on to run at once.
    """

    known: str
    changes: Mapping[str, str]
    multiprocessors: int


@dataclass(frozen=True, eq=False)
class GpuFamily:
    """GPUs behind one of IREE's backends.

    Attributes:
        name: What ``target=`` calls it.
        backend: IREE's compiler backend.
        driver: IREE's runtime driver.
        flag: IREE's flag that names a GPU.
        default: The GPU to compile for unless one is named.
        gpus: What ``target_gpu=`` accepts.
        has_pointers: Whether IREE lowers LLVM's own loads and stores for it.
    """

    name: str
    backend: str
    driver: str
    flag: str
    default: str
    gpus: Mapping[str, Gpu]
    has_pointers: bool


@dataclass(frozen=True, eq=False)
class GpuTarget:
    """A GPU to compile for, as IREE resolved it.

    Attributes:
        family: What it is one of.
        gpu: What ``target_gpu`` said.
        attribute: What a module that is made for it has as its device, IREE's text.
        arch: IREE's name of it.
        features: What the code may need of the driver: a PTX version, or a SPIR-V version and capabilities.
        computes: Types that it computes in: fp64, fp32, fp16, int8 ...
        max_threads: Threads of a workgroup at most.
        workgroup_memory: Bytes of memory that a workgroup may have.
    """

    family: GpuFamily
    gpu: str
    attribute: str
    arch: str
    features: tuple[str, ...]
    computes: frozenset[str]
    max_threads: int
    workgroup_memory: int

    @property
    def name(self) -> str:
        """What ``target=`` calls it."""
        return self.family.name

    @property
    def multiprocessors(self) -> int:
        """How many workgroups that fill a multiprocessor are counted on to run at once."""
        return self.family.gpus[self.gpu].multiprocessors

    @property
    def tensor_cores(self) -> tuple[str, ...]:
        """Types whose matrices subgroups multiply, summed in f32: f16, bf16. None without pointers, which they need."""
        return tuple(name for name, mark in _MATRICES.items() if self.family.has_pointers and mark in self.attribute)

    @property
    def is_verified_by_iree(self) -> bool:
        """Whether IREE verifies after each of its passes: SPIR-V that is not valid fails in the driver otherwise."""
        return True

    def flags(self) -> list[str]:
        """Return IREE's flags, for a module whose attribute says what it is for."""
        return list(BASE_FLAGS)

    def describe(self) -> dict[str, Any]:
        """Return what an artifact says of its target."""
        return {
            "name": self.name,
            "backend": self.family.backend,
            "arch": self.arch,
            "gpu": self.gpu,
            "features": list(self.features),
        }

    def advised_driver(self, scans: Sequence[tuple[str, int]]) -> str:
        """Return IREE's driver for a model with scans of these forms and widths."""
        return self.family.driver

    def why_not(self, dtype: str) -> str | None:
        """Return why a model of a dtype cannot be compiled for it, or None if it can."""
        if dtype == "float64" and "fp64" not in self.computes:
            return f"target {self.name} {self.gpu} does not compute in float64"
        if dtype == "bfloat16" and self.name == "vulkan":
            return "target vulkan takes no bfloat16: the SPIR-V that IREE 3.13 makes of it is not valid"
        return None


@lru_cache
def resolve_gpu(family: GpuFamily, gpu: str | None) -> GpuTarget:
    """Return what a GPU's name means: IREE is asked, since it decides what code may use.

    Args:
        family: What it is one of.
        gpu: Its name; None for the family's default.

    Raises:
        ArgumentError: If the family has no such GPU.
    """
    name = family.default if gpu is None else gpu
    if name not in family.gpus:
        raise ArgumentError(f"target_gpu: got {name!r}, target {family.name} has {', '.join(family.gpus)}")
    known = family.gpus[name]
    flags = [f"--iree-hal-target-backends={family.backend}", *BASE_FLAGS, f"{family.flag}={known.known}"]
    found = _ATTRIBUTE.search(ir_after("executable-sources", PROBE, flags))
    text = "" if found is None else found.group(0)
    if not all(before in text for before in known.changes):
        text = ""
    for before, after in known.changes.items():
        text = text.replace(before, after)
    values = {key: match.group(1) for key, part in _PARTS.items() if (match := re.search(part, text))}
    if len(values) < len(_PARTS):
        raise CompileError(f"IREE describes {family.name} {known.known} unlike iree-base-compiler 3.13 does")
    return GpuTarget(
        family,
        name,
        text,
        values["arch"],
        tuple(values["features"].split(",")),
        frozenset(values["compute"].split("|")),
        int(values["threads"]),
        int(values["memory"]),
    )
