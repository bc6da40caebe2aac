"""Keeps chosen executables out of the one into which IREE 3.13 links all code for a CPU.

IREE translates executables, optimises them and generates their code in parallel, but before the last two of these it
links all into one. Two kernels of ours share no code, so that only makes one core wait for the other. Its pass leaves
out executables that are marked ``lazy``, and nothing else in it looks at the mark: they are loaded with the module, as
all are. No flag of a session turns linking off, so the mark is set on the module between two of IREE's phases.
"""

import ctypes
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any


class _Text(ctypes.Structure):
    """``MlirStringRef``."""

    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t))

    @classmethod
    def of(cls, text: bytes) -> "_Text":
        """Return a reference to bytes that outlive it."""
        return cls(ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p), len(text))

    def __bytes__(self) -> bytes:
        return ctypes.string_at(self.data, self.length)


_Handle = ctypes.c_void_p
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "ireeCompilerInvocationExportStealModule": (_Handle, (_Handle,)),
    "ireeCompilerInvocationImportStealModule": (ctypes.c_bool, (_Handle, _Handle)),
    "mlirBlockGetFirstOperation": (_Handle, (_Handle,)),
    "mlirIdentifierStr": (_Text, (_Handle,)),
    "mlirOperationGetAttributeByName": (_Handle, (_Handle, _Text)),
    "mlirOperationGetContext": (_Handle, (_Handle,)),
    "mlirOperationGetFirstRegion": (_Handle, (_Handle,)),
    "mlirOperationGetName": (_Handle, (_Handle,)),
    "mlirOperationGetNextInBlock": (_Handle, (_Handle,)),
    "mlirOperationSetInherentAttributeByName": (None, (_Handle, _Text, _Handle)),
    "mlirRegionGetFirstBlock": (_Handle, (_Handle,)),
    "mlirStringAttrGetValue": (_Text, (_Handle,)),
    "mlirUnitAttrGet": (_Handle, (_Handle,)),
}
"""What is used of the C interfaces of IREE's compiler and MLIR: result and arguments. Handles are one pointer each."""


def _functions(dylib: ctypes.CDLL) -> SimpleNamespace:
    """Return those functions of a compiler's library."""
    found = SimpleNamespace()
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(dylib, name)
        function.restype, function.argtypes = result, arguments
        setattr(found, name, function)
    return found


def keep_apart(dylib: ctypes.CDLL, invocation: int, names: Collection[str]) -> bool:
    """Keep executables of a module from being linked into others.

    Args:
        dylib: IREE's compiler.
        invocation: The handle of an invocation whose module has been through IREE's phase ``executable-sources``.
        names: Of the executables; others are left as they are.

    Returns:
        Whether the invocation took its module back.
    """
    api = _functions(dylib)
    module = api.ireeCompilerInvocationExportStealModule(invocation)
    mark = api.mlirUnitAttrGet(api.mlirOperationGetContext(module))
    op = api.mlirBlockGetFirstOperation(api.mlirRegionGetFirstBlock(api.mlirOperationGetFirstRegion(module)))
    while op:
        if bytes(api.mlirIdentifierStr(api.mlirOperationGetName(op))) == b"hal.executable":
            name = api.mlirStringAttrGetValue(api.mlirOperationGetAttributeByName(op, _Text.of(b"sym_name")))
            if bytes(name).decode() in names:
                api.mlirOperationSetInherentAttributeByName(op, _Text.of(b"lazy"), mark)
        op = api.mlirOperationGetNextInBlock(op)
    return bool(api.ireeCompilerInvocationImportStealModule(invocation, module))
