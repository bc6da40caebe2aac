"""Compiles small modules the way the compiler does, and runs them on IREE's CPU drivers."""

from collections.abc import Callable, Mapping
from typing import Any

import iree.runtime
import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.passes import PassPipeline

from lstm_ir.passes.emission import emit_bytecode
from lstm_ir.passes.iree_session import compile_bytecode, flags_for_cpu
from lstm_ir.passes.universe import available_passes, make_context


class Program:
    """Compiled functions on a device; arguments are arrays, or buffers that are already on the device."""

    def __init__(self, vmfb: bytes, driver: str) -> None:
        self.config = iree.runtime.Config(driver)
        module = iree.runtime.VmModule.copy_buffer(self.config.vm_instance, vmfb)
        self.module = iree.runtime.load_vm_module(module, self.config)

    def buffer(self, array: np.ndarray) -> Any:
        """Return a copy of an array on the device."""
        return iree.runtime.asdevicearray(self.config.device, np.ascontiguousarray(array))

    def __call__(self, function: str, *arguments: Any) -> list[Any]:
        """Return the results, on the device."""
        results = self.module[function](*arguments)
        return list(results) if isinstance(results, tuple) else [results]

    @staticmethod
    def host(buffer: Any) -> np.ndarray:
        """Return a copy of a buffer; what to_host returns dies with the buffer."""
        return np.array(buffer.to_host(), copy=True)


def parse(text: str) -> ModuleOp:
    module = Parser(make_context(), text).parse_module()
    module.verify()
    return module


def lower(module: ModuleOp, pipeline: str) -> ModuleOp:
    def verify(_: Any, current: ModuleOp, __: Any) -> None:
        current.verify()

    PassPipeline.parse_spec(available_passes(), pipeline, verify).apply(make_context(), module)
    return module


@pytest.fixture(scope="session")
def parse_module() -> Callable[[str], ModuleOp]:
    """Parse and verify IR."""
    return parse


@pytest.fixture(scope="session")
def run_pipeline() -> Callable[[ModuleOp, str], ModuleOp]:
    """Run passes on a module, verifying after each."""
    return lower


@pytest.fixture(scope="session")
def load_vmfb() -> Callable[..., Program]:
    """Load compiled functions: ``load_vmfb(vmfb, driver="local-sync")``."""
    return lambda vmfb, driver="local-sync": Program(vmfb, driver)


@pytest.fixture(scope="session")
def compile_module() -> Callable[..., bytes]:
    """Compile IR to a vmfb: ``compile_module(text, pipeline, weights)``."""

    def compile_(text: str, pipeline: str, weights: Mapping[str, np.ndarray] | None = None) -> bytes:
        module = lower(parse(text), pipeline)
        return compile_bytecode(emit_bytecode(module, weights or {}), flags_for_cpu("host"))

    return compile_
