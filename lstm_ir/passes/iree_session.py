"""IREE's compiler in this process: flags by target, diagnostics as our errors."""

import ctypes
import re
import shlex
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lstm_ir.errors import ArgumentError, CompileError
from lstm_ir.passes.cost_model import advised_driver
from lstm_ir.passes.iree_diagnostics import CALLBACK, Diagnostics
from lstm_ir.passes.separate_executables import keep_apart

# LLVM and IREE keep process-wide state while they set up a session.
_LOCK = threading.Lock()


@dataclass(frozen=True)
class CpuTarget:
    """A CPU to compile for, as IREE resolved it.

    Attributes:
        cpu: LLVM's name of the CPU.
        features: The features that code for it may use, by LLVM's names.
        triple: LLVM's target triple.
        asked: What ``target_cpu`` said.
        device: IREE's attribute of a device with this CPU, into whose executables no library is linked.
    """

    cpu: str
    features: frozenset[str]
    triple: str
    asked: str = "host"
    device: str = ""

    @property
    def arch(self) -> str:
        """The architecture, the first part of the triple."""
        return self.triple.split("-", maxsplit=1)[0]

    @property
    def is_verified_by_iree(self) -> bool:
        """Whether IREE verifies after each of its passes, which takes a third of its time: not for CPUs."""
        return False

    @property
    def attribute(self) -> None:
        """The device in a module's own attribute: none, flags say it."""

    def flags(self) -> list[str]:
        """Return IREE's flags."""
        return flags_for_cpu(self.asked)

    def why_not(self, dtype: str) -> str | None:
        """Return why a model of a dtype cannot be compiled for it: none is refused."""
        return None

    def describe(self) -> dict[str, Any]:
        """Return what an artifact says of its target."""
        return {
            "name": "cpu",
            "backend": "llvm-cpu",
            "arch": self.arch,
            "cpu": self.cpu,
            "features": sorted(self.features),
        }

    def advised_driver(self, scans: Sequence[tuple[str, int]]) -> str:
        """Return IREE's driver for a model with scans of these forms and widths."""
        return advised_driver(scans)


@dataclass(frozen=True)
class Shortcut:
    """Passes in the place of IREE's phases between two.

    Attributes:
        behind: IREE's last phase before them.
        passes: As IREE's tools write them.
        until: The phase that they stand for, with those between.
    """

    behind: str
    passes: str
    until: str


def _linker_path() -> str:
    """Return the path of the linker that IREE's compiler brings along."""
    from iree.compiler import _mlir_libs

    return str(Path(_mlir_libs.__file__).parent / "iree-lld")


def _linker_command() -> str:
    """Return the command that links an executable as IREE does, to be continued with the files.

    Flags of IREE 3.13's EmbeddedLinkerTool, for its path without a C library, which goes through the system's linker.
    """
    return (
        f"LLD_VERSION=IREE {shlex.quote(_linker_path())} -flavor gnu --build-id=none --no-undefined "
        "--no-allow-shlib-undefined --gc-sections -z now -z relro --discard-all --icf=all "
        "--ignore-data-address-equality --ignore-function-address-equality --hash-style=sysv"
    )


BASE_FLAGS = (
    "--iree-input-type=none",
    "--iree-opt-level=O3",
    # Nothing is down-cast unasked; f64 is IREE's one demotion by default.
    "--iree-input-demote-f64-to-f32=false",
    # Source maps help nobody who has the artifact alone.
    "--iree-vm-bytecode-module-strip-source-map=true",
    "--iree-vm-emit-polyglot-zip=false",
)
"""Flags for every target."""


def flags_for_cpu(target_cpu: str) -> list[str]:
    """Return IREE's flags for a CPU: ``host``, ``generic`` or one of LLVM's names (``x86-64-v3``, ``znver4`` ...)."""
    return [
        "--iree-hal-target-backends=llvm-cpu",
        *BASE_FLAGS,
        f"--iree-llvmcpu-target-cpu={target_cpu}",
        # IREE hands the linker's path to a shell: quoted, it may contain spaces.
        f"--iree-llvmcpu-embedded-linker-path={shlex.quote(_linker_path())}",
        f"--iree-llvmcpu-system-linker-path={_linker_command()}",
        # As little as source maps do symbols of generated code.
        "--iree-llvmcpu-debug-symbols=false",
    ]


def _run(
    source: bytes,
    flags: Sequence[str],
    phase: str | None,
    layers: Sequence[str] = (),
    *,
    verify: bool = False,
    shortcuts: Sequence[Shortcut] = (),
    apart: Collection[str] = (),
) -> bytes:
    """Run one invocation; returns the VM module, or the IR after a phase."""
    from iree.compiler.api import Output, Session, Source, ctypes_dl

    dylib = ctypes_dl._dylib
    diagnostics = Diagnostics()
    callback = diagnostics.callback()
    with _LOCK:
        session = Session()
        try:
            session.set_flags(*flags)
        except ValueError as error:
            raise ArgumentError(f"IREE does not accept the flags {' '.join(flags)}: {error}") from error
    with session.invocation() as invocation:
        enable = dylib.ireeCompilerInvocationEnableCallbackDiagnostics
        enable.argtypes = [ctypes.c_void_p, ctypes.c_int, CALLBACK, ctypes.c_void_p]
        enable.restype = None
        enable(invocation._inv_p, 0, callback, None)

        def stop_after(name: str) -> None:
            _set_phase(dylib.ireeCompilerInvocationSetCompileToPhase, invocation, name)

        def start_from(name: str) -> None:
            _set_phase(dylib.ireeCompilerInvocationSetCompileFromPhase, invocation, name)

        def went_on_to(name: str) -> bool:
            stop_after(name)
            if not invocation.execute():
                return False
            start_from(name)
            return True

        def compiled() -> bool:
            for way in shortcuts:
                if not went_on_to(way.behind) or not invocation.execute_text_pass_pipeline(way.passes):
                    return False
                if phase == way.until:
                    return True
                start_from(way.until)
            if apart and phase is None:
                if not shortcuts and not went_on_to("executable-sources"):
                    return False
                if not keep_apart(dylib, invocation._inv_p, apart):
                    return False
            return went_on_to(phase or "end")

        # Parsing verifies what we hand over; this is about each of IREE's own passes.
        set_verifier = dylib.ireeCompilerInvocationSetVerifyIR
        set_verifier.argtypes = [ctypes.c_void_p, ctypes.c_bool]
        set_verifier.restype = None
        set_verifier(invocation._inv_p, verify)
        parsed = invocation.parse_source(Source.wrap_buffer(session, source))
        if not parsed or not compiled():
            layer = diagnostics.blamed_layer(layers)
            where = f"layer {layer!r}: " if layer is not None else ""
            raise CompileError(f"{where}IREE could not compile the module: {diagnostics.error_text()}")
        output = Output.open_membuffer()
        try:
            if phase is None:
                invocation.output_vm_bytecode(output)
            else:
                invocation.output_ir(output)
            return bytes(output.map_memory())
        finally:
            output.close()


def _set_phase(setter: Any, invocation: Any, name: str) -> None:
    """Set one of the two ends of what an invocation runs."""
    setter.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    setter.restype = None
    setter(invocation._inv_p, name.encode())


def compile_bytecode(
    source: bytes,
    flags: Sequence[str],
    layers: Sequence[str] = (),
    *,
    verify: bool = False,
    shortcuts: Sequence[Shortcut] = (),
    apart: Collection[str] = (),
) -> bytes:
    """Compile MLIR bytecode to a vmfb.

    Args:
        source: MLIR bytecode or text.
        flags: Of ``iree-compile``.
        layers: Names of layers that errors may be blamed on.
        verify: Whether IREE is to verify the module after each of its passes, which takes a third of its time.
        shortcuts: Passes in the place of some of IREE's phases, in their order; the last are for executable-sources.
        apart: Names of executables that are not linked with others, so that their code is generated in parallel.

    Raises:
        CompileError: With IREE's first error and the layer it points at.
    """
    return _run(source, flags, None, layers, verify=verify, shortcuts=shortcuts, apart=apart)


def ir_after(phase: str, source: bytes, flags: Sequence[str], shortcuts: Sequence[Shortcut] = ()) -> str:
    """Return what IREE makes of a module up to a phase, as text; ``shortcuts`` as in ``compile_bytecode``.

    Raises:
        CompileError: With IREE's first error.
    """
    return _run(source, flags, phase, shortcuts=shortcuts).decode()


_SAFE_CPUS = frozenset({"host", "generic", "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"})

PROBE = b"""func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> {
  %b = arith.addf %a, %a : tensor<4xf32>
  return %b : tensor<4xf32>
}
\0"""
"""A module that every target can compile."""


@lru_cache
def resolve_cpu(target_cpu: str) -> CpuTarget:
    """Return what a CPU name means: IREE is asked, since it decides what code may use.

    Raises:
        ArgumentError: If IREE knows no such CPU.
    """
    _check_cpu_name(target_cpu)
    text = ir_after("preprocessing", PROBE, flags_for_cpu(target_cpu))
    found = {key: re.search(rf'{key} = "([^"]*)"', text) for key in ("cpu", "cpu_features", "target_triple")}
    cpu, features, triple = (match.group(1) if match else "" for match in found.values())
    if not triple:
        raise CompileError("IREE's target attribute has no target_triple; is iree-base-compiler 3.13 installed?")
    return CpuTarget(cpu or target_cpu, _enabled(features), triple, target_cpu, _without_library(text))


def _without_library(text: str) -> str:
    """Return the device that a module's text declares, but with executables into which no library is linked.

    IREE 3.13 links all of musl into an executable before LLVM optimises it; the linker then drops what is not called.
    """
    found = re.search(r"@__device_0 = (#hal\.device\.target<.*>)( : !hal\.device)?$", text, re.MULTILINE)
    if found is None or found.group(1).count('"embedded-elf-') != 1:
        raise CompileError(
            "IREE's module has no device with one executable target; is iree-base-compiler 3.13 installed?"
        )
    return re.sub(r'("embedded-elf-[^"]*", \{)', r"\1link_embedded = false, ", found.group(1))


def _enabled(features: str) -> frozenset[str]:
    """Return what a feature string leaves enabled: ``+a,+b,-a`` is b, since later entries win."""
    enabled: dict[str, bool] = {}
    for item in filter(None, features.split(",")):
        enabled[item[1:]] = item[0] == "+"
    return frozenset(name for name, on in enabled.items() if on)


def _check_cpu_name(target_cpu: str) -> None:
    """Refuse CPU names that LLVM does not know: in this process they would abort it.

    Raises:
        ArgumentError: With the names that LLVM lists.
    """
    if target_cpu in _SAFE_CPUS:
        return
    from iree.compiler.tools import CompilerToolError, compile_str

    try:
        compile_str(PROBE[:-1], extra_args=flags_for_cpu(target_cpu))
    except CompilerToolError as error:
        listed = re.search(r"List of accepted CPUs: (.*)", str(error))
        accepted = f"host, generic, {listed.group(1)}" if listed else "host, generic or one of LLVM's CPU names"
        raise ArgumentError(f"target_cpu: got {target_cpu!r}, expected one of {accepted}") from error
