"""Which CPU features, by LLVM's names, this machine has, and whether a module's are among them."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

__all__ = ["host_arch", "host_features", "missing_features"]

# LLVM's name -> the flag of Linux's /proc/cpuinfo. Names that are equal on both sides stand in the tuples below.
_X86_RENAMED = {
    "64bit": "lm", "x87": "fpu", "sse3": "pni", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "crc32": "sse4_2",
    "pclmul": "pclmulqdq", "bmi": "bmi1", "lzcnt": "abm", "sha": "sha_ni", "sahf": "lahf_lm", "prfchw": "3dnowprefetch",
    "avx512vbmi2": "avx512_vbmi2", "avx512vnni": "avx512_vnni", "avx512bitalg": "avx512_bitalg",
    "avx512vpopcntdq": "avx512_vpopcntdq", "avx512bf16": "avx512_bf16", "avx512fp16": "avx512_fp16",
    "avx512vp2intersect": "avx512_vp2intersect", "avxvnni": "avx_vnni", "avxifma": "avx_ifma",
    "avxvnniint8": "avx_vnni_int8", "avxvnniint16": "avx_vnni_int16", "avxneconvert": "avx_ne_convert",
    "amx-tile": "amx_tile", "amx-int8": "amx_int8", "amx-bf16": "amx_bf16", "amx-fp16": "amx_fp16",
    "amx-complex": "amx_complex",
}  # fmt: skip
_X86_SAME = (
    "adx", "aes", "avx", "avx2", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi",
    "avx512ifma", "bmi2", "cmov", "cx8", "cx16", "f16c", "fma", "fma4", "fxsr", "gfni", "mmx", "movbe", "popcnt",
    "sha512", "sm3", "sm4", "sse", "sse2", "sse4a", "ssse3", "tbm", "vaes", "vpclmulqdq", "xop",
)  # fmt: skip
_ARM_RENAMED = {
    "neon": "asimd", "fp-armv8": "fp", "fullfp16": "asimdhp", "fp16fml": "asimdfhm", "dotprod": "asimddp",
    "rdm": "asimdrdm", "lse": "atomics", "crc": "crc32", "complxnum": "fcma", "jsconv": "jscvt", "rcpc": "lrcpc",
}  # fmt: skip
_ARM_SAME = ("aes", "sha2", "sha3", "sm4", "bf16", "i8mm", "sve", "sve2", "sme", "sme2")

# Instructions that a compiler never picks by itself (system state, caches, random numbers, sandboxes). LLVM lists
# them for a CPU by asking the chip; Linux hides some of them from /proc/cpuinfo, so they cannot be required.
_NEVER_GENERATED_NAMES = """
cldemote clflushopt clwb clzero enqcmd fsgsbase hreset invpcid kl lwp movdir64b movdiri movrs mwaitx pconfig pku
prefetchi ptwrite raoint rdpid rdpru rdrnd rdseed rtm serialize sgx shstk tsxldtrk uintr usermsr waitpkg wbnoinvd
widekl xsave xsavec xsaveopt xsaves nopl evex512 vzeroupper ermsb fsrm
amu ccidx ccpp dit el2vmsa el3 flagm mpam nv pan pan-rwv pauth perfmon predres ras sb sel2 spe specrestrict ssbs
tlb-rmi tracev8.4 uaops vh wfxt
"""
_NEVER_GENERATED = frozenset(_NEVER_GENERATED_NAMES.split())
# How LLVM begins the names of tuning hints: they say how to schedule, not what the CPU must have.
_TUNING_PREFIXES = (
    "prefer-", "fast-", "slow-", "false-deps-", "tuning-", "no-", "use-", "allow-light-", "pad-", "idiv", "sbb-",
    "branch", "macrofusion", "fuse-", "faster-", "inc-dec", "enable-", "disable-", "exynos", "zcm", "zcz", "arith-",
)  # fmt: skip

# NumPy's own detection, for systems without /proc/cpuinfo. It has fewer names, so each brings what every CPU with
# it has too: AVX2 came with BMI, BMI2, LZCNT and MOVBE (x86-64-v3), ASIMDDP with ARMv8.1's additions.
_BASE = ("sse", "mmx", "fxsr", "cmov", "cx8", "x87")
_V2 = ("sse2", "64bit", "sse3", "ssse3", "sse4.1", "sse4.2", "crc32", "cx16", "sahf", "popcnt")
_V3 = ("avx", "avx2", "f16c", "fma", "bmi", "bmi2", "lzcnt", "movbe", "pclmul", "aes")
_NUMPY_NAMES = {
    "SSE": _BASE, "SSE2": ("sse2", "64bit"), "SSE3": ("sse3",), "SSSE3": ("ssse3",), "SSE41": ("sse4.1",),
    "SSE42": ("sse4.2", "crc32", "cx16", "sahf"), "POPCNT": ("popcnt",), "AVX": ("avx",), "F16C": ("f16c",),
    "FMA3": ("fma",), "FMA4": ("fma4",), "XOP": ("xop",), "AVX2": _V3[1:2] + _V3[4:],
    "X86_V2": _BASE + _V2, "X86_V3": _V3,
    "X86_V4": ("avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "prfchw", "adx"),
    "AVX512F": ("avx512f", "prfchw", "adx"), "AVX512CD": ("avx512cd",), "AVX512BW": ("avx512bw",),
    "AVX512DQ": ("avx512dq",), "AVX512VL": ("avx512vl",), "AVX512IFMA": ("avx512ifma",),
    "AVX512VBMI": ("avx512vbmi",), "AVX512VNNI": ("avx512vnni",), "AVX512BITALG": ("avx512bitalg",),
    "AVX512VBMI2": ("avx512vbmi2", "gfni", "vaes", "vpclmulqdq"), "AVX512VPOPCNTDQ": ("avx512vpopcntdq",),
    "AVX512FP16": ("avx512fp16",), "AVX512_SPR": ("avx512bf16", "avx512fp16"),
    "NEON": ("neon", "fp-armv8"), "ASIMD": ("neon", "fp-armv8"), "ASIMDHP": ("fullfp16",), "ASIMDFHM": ("fp16fml",),
    "ASIMDDP": ("dotprod", "lse", "crc", "rdm"), "SVE": ("sve",),
}  # fmt: skip

_ARCHES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


def host_arch() -> str:
    """This machine's architecture by LLVM's name: "x86_64", "aarch64", "riscv64" ..."""
    machine = platform.machine().lower()
    return _ARCHES.get(machine, machine)


@cache
def host_features() -> frozenset[str]:
    """The features of this machine's CPU, by LLVM's names ("avx2", "fma", "avx512f", "sse4.2", "dotprod" ...).

    Read from Linux's ``/proc/cpuinfo``; elsewhere from NumPy's detection, which knows fewer names.
    """
    try:
        flags = _cpuinfo_flags(Path("/proc/cpuinfo").read_text(errors="replace"))
    except OSError:
        flags = frozenset()
    if flags:
        return features_from_flags(flags, host_arch())
    return _features_from_numpy()


def features_from_flags(flags: Iterable[str], arch: str) -> frozenset[str]:
    """Translates the flags of ``/proc/cpuinfo`` into LLVM's feature names."""
    present = frozenset(flags)
    renamed, same = (_ARM_RENAMED, _ARM_SAME) if arch == "aarch64" else (_X86_RENAMED, _X86_SAME)
    return frozenset(name for name, flag in renamed.items() if flag in present) | present.intersection(same)


def missing_features(required: Iterable[str], present: frozenset[str]) -> list[str]:
    """Those of a module's features that a CPU lacks, sorted; hints and never-generated instructions do not count."""
    return sorted(
        name
        for name in set(required) - present
        if name not in _NEVER_GENERATED and not name.startswith(_TUNING_PREFIXES)
    )


def _cpuinfo_flags(text: str) -> frozenset[str]:
    # A feature counts when every core has it: hybrid machines list their cores one by one.
    cores = [
        frozenset(value.split())
        for key, _, value in (line.partition(":") for line in text.splitlines())
        if key.strip() in {"flags", "Features"}
    ]
    return frozenset.intersection(*cores) if cores else frozenset()


def _features_from_numpy() -> frozenset[str]:
    try:
        umath = import_module("numpy._core._multiarray_umath")
    except ImportError:  # NumPy 1.26 has the module at its older place
        umath = import_module("numpy.core._multiarray_umath")
    detected: dict[str, bool] = umath.__cpu_features__
    names = (_NUMPY_NAMES.get(key, ()) for key, present in detected.items() if present)
    return frozenset(name for group in names for name in group)
