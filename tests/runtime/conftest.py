"""Small hand-written modules that follow the entry ABI, so that the runtime is tested without our compiler."""

import dataclasses
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_ir.runtime import Module, load, pack

UNITS = 3

# Two states: h' = h / 2 + x_t and c' = c + h', both kept where the mask is 0. Outputs: the sequence of h, and the last
# h, which is the very value that becomes the first state.
_SCAN = """
  func.func @{name}(%x: tensor<?x?x3xDT>{mask_argument}, %h0: tensor<?x3xDT>, %c0: tensor<?x3xDT>,
      %ho: tensor<?x3xDT> {{iree.abi.output = 2 : index}}, %co: tensor<?x3xDT> {{iree.abi.output = 3 : index}})
      -> (tensor<?x?x3xDT>, tensor<?x3xDT>, tensor<?x3xDT>, tensor<?x3xDT>) {{
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %B = tensor.dim %x, %zero : tensor<?x?x3xDT>
    %T = tensor.dim %x, %one : tensor<?x?x3xDT>
    %hi = flow.tensor.reshape %h0 : tensor<?x3xDT>{{%B}} -> tensor<?x3xDT>{{%B}}
    %ci = flow.tensor.reshape %c0 : tensor<?x3xDT>{{%B}} -> tensor<?x3xDT>{{%B}}
    %ye = tensor.empty(%B, %T) : tensor<?x?x3xDT>
    %r:3 = scf.for %t = %zero to %T step %one iter_args(%h = %hi, %c = %ci, %y = %ye)
        -> (tensor<?x3xDT>, tensor<?x3xDT>, tensor<?x?x3xDT>) {{
      %xt = tensor.extract_slice %x[0, %t, 0][%B, 1, 3][1, 1, 1] : tensor<?x?x3xDT> to tensor<?x3xDT>
      {mask_slice}
      %e = tensor.empty(%B) : tensor<?x3xDT>
      %h2 = linalg.generic {{indexing_maps = [#bu, #bu, {mask_map} #bu], iterator_types = ["parallel", "parallel"]}}
          ins(%h, %xt {mask_operand} : tensor<?x3xDT>, tensor<?x3xDT> {mask_type}) outs(%e : tensor<?x3xDT>) {{
      ^bb0(%a: DT, %b: DT, {mask_block} %o: DT):
        %half = arith.constant 0.5 : DT
        %p = arith.mulf %a, %half : DT
        %s = arith.addf %p, %b : DT
        {select_h}
        linalg.yield %hr : DT
      }} -> tensor<?x3xDT>
      %c2 = linalg.generic {{indexing_maps = [#bu, #bu, {mask_map} #bu], iterator_types = ["parallel", "parallel"]}}
          ins(%c, %h2 {mask_operand} : tensor<?x3xDT>, tensor<?x3xDT> {mask_type}) outs(%e : tensor<?x3xDT>) {{
      ^bb0(%a: DT, %b: DT, {mask_block} %o: DT):
        %s = arith.addf %a, %b : DT
        {select_h}
        linalg.yield %hr : DT
      }} -> tensor<?x3xDT>
      %y2 = tensor.insert_slice %h2 into %y[0, %t, 0][%B, 1, 3][1, 1, 1] : tensor<?x3xDT> into tensor<?x?x3xDT>
      scf.yield %h2, %c2, %y2 : tensor<?x3xDT>, tensor<?x3xDT>, tensor<?x?x3xDT>
    }}
    return %r#2, %r#0, %r#0, %r#1 : tensor<?x?x3xDT>, tensor<?x3xDT>, tensor<?x3xDT>, tensor<?x3xDT>
  }}
"""
_PLAIN = {
    "name": "call", "mask_argument": "", "mask_slice": "", "mask_map": "", "mask_operand": "", "mask_type": "",
    "mask_block": "", "select_h": "%hr = arith.addf %s, %nought : DT",
}  # fmt: skip
_MASKED = {
    "name": "call_masked", "mask_argument": ", %m: tensor<?x?xi8>",
    "mask_slice": "%mt = tensor.extract_slice %m[0, %t][%B, 1][1, 1] : tensor<?x?xi8> to tensor<?xi8>",
    "mask_map": "affine_map<(b, u) -> (b)>,", "mask_operand": ", %mt", "mask_type": ", tensor<?xi8>",
    "mask_block": "%k: i8,",
    "select_h": "%no = arith.constant 0 : i8\n%on = arith.cmpi ne, %k, %no : i8\n%hr = arith.select %on, %s, %a : DT",
}  # fmt: skip
_PLAIN["select_h"] = "%nought = arith.constant -0.0 : DT\n" + _PLAIN["select_h"]

_SUM = """
module @lstm_ir {
  func.func @call(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x2xf32> {
    %s = arith.addf %a, %b : tensor<?x2xf32>
    return %s : tensor<?x2xf32>
  }
}
"""

# The input itself, twice, and the input with the number of workers added, twice.
_ECHO = """
module @lstm_ir {
  util.global private mutable @workers = 0 : i32
  func.func @set_workers(%n: i32) {
    util.global.store %n, @workers : i32
    return
  }
  func.func @call(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
    %zero = arith.constant 0 : index
    %B = tensor.dim %x, %zero : tensor<?x2xf32>
    %n = util.global.load @workers : i32
    %f = arith.sitofp %n : i32 to f32
    %e = tensor.empty(%B) : tensor<?x2xf32>
    %w = linalg.fill ins(%f : f32) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
    %s = arith.addf %x, %w : tensor<?x2xf32>
    return %x, %x, %s, %s : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
  }
  func.func @call_in_place(%x: !hal.buffer, %b0: !hal.buffer, %b1: !hal.buffer, %b2: !hal.buffer, %b3: !hal.buffer,
      %B: index, %fence: !hal.fence) attributes {iree.abi.stub} {
    %t = hal.tensor.import %x : !hal.buffer -> tensor<?x2xf32>{%B}
    %r:4 = call @call(%t) : (tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>)
    %a0 = hal.tensor.alias %r#0 : tensor<?x2xf32>{%B} to %b0 : !hal.buffer
    %a1 = hal.tensor.alias %r#1 : tensor<?x2xf32>{%B} to %b1 : !hal.buffer
    %a2 = hal.tensor.alias %r#2 : tensor<?x2xf32>{%B} to %b2 : !hal.buffer
    %a3 = hal.tensor.alias %r#3 : tensor<?x2xf32>{%B} to %b3 : !hal.buffer
    %j:4 = hal.tensor.barrier join(%a0, %a1, %a2, %a3 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>,
        tensor<?x2xf32>) => %fence : !hal.fence
    return
  }
}
"""

_MLIR_NAMES = {"float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16"}


def _compile(text: str) -> bytes:
    import iree.compiler

    flags = ["--iree-opt-level=O3", "--iree-llvmcpu-target-cpu=host", "--iree-input-demote-f64-to-f32=false"]
    return bytes(iree.compiler.compile_str(text, target_backends=["llvm-cpu"], input_type="none", extra_args=flags))


@pytest.fixture(scope="session")
def scan_parts() -> Callable[..., tuple[bytes, dict[str, Any]]]:
    """Compiles the scan for a dtype, once; returns the vmfb and a description of one's own to change."""
    cache: dict[str, bytes] = {}

    def parts(dtype: str = "float32") -> tuple[bytes, dict[str, Any]]:
        if dtype not in cache:
            body = _SCAN.format(**_PLAIN) + _SCAN.format(**_MASKED)
            text = "#bu = affine_map<(b, u) -> (b, u)>\nmodule @lstm_ir {" + body + "}"
            cache[dtype] = _compile(text.replace("DT", _MLIR_NAMES[dtype]))
        state = {"shape": [None, UNITS], "dtype": dtype, "batch_axis": 0}
        description = {
            "format": 1,
            "producer": {"lstm_ir": "0", "iree": "3.13.0", "xdsl": "0.74.0"},
            "name": "scan",
            "target": {"name": "cpu", "backend": "llvm-cpu", "arch": _arch(), "cpu": "host", "features": []},
            "inputs": [{"name": "x", "shape": [None, None, UNITS], "dtype": dtype, "batch_axis": 0, "time_axis": 1}],
            "mask": {"name": "mask", "shape": [None, None], "batch_axis": 0, "time_axis": 1},
            "outputs": [
                {"name": "seq", "shape": [None, None, UNITS], "dtype": dtype, "batch_axis": 0, "time_axis": 1},
                {"name": "last", "shape": [None, UNITS], "dtype": dtype, "batch_axis": 0},
            ],
            "states": [{"name": "scan/h", **state}, {"name": "scan/c", **state}],
            "entries": {"call": "call", "call_masked": "call_masked"},
            "scans": [{"name": "scan", "form": "loop", "reason": "hand-written"}],
            "driver": "local-sync",
        }
        return cache[dtype], description

    return parts


@pytest.fixture(scope="session")
def artifact(scan_parts) -> bytes:
    return pack(*scan_parts())


@pytest.fixture(scope="session")
def scan(artifact) -> Module:
    return load(artifact)


@pytest.fixture(scope="session")
def sum_parts() -> tuple[bytes, dict[str, Any]]:
    """Two inputs, one output, no states, no mask."""
    tensor = {"shape": [None, 2], "dtype": "float32", "batch_axis": 0}
    return _compile(_SUM), {
        "target": {"name": "cpu", "backend": "llvm-cpu"},
        "inputs": [{"name": "a", **tensor}, {"name": "b", **tensor}],
        "mask": None,
        "mask_reason": "no layer of the model is recurrent",
        "outputs": [{"name": "sum", **tensor}],
        "states": [],
        "entries": {"call": "call"},
    }


@pytest.fixture(scope="session")
def total(sum_parts) -> Module:
    return load(pack(*sum_parts))


@pytest.fixture(scope="session")
def echo_parts() -> tuple[bytes, dict[str, Any]]:
    """Outputs that are the input's own memory, and two of one memory that tell what ``set_workers`` was called with."""
    tensor = {"shape": [None, 2], "dtype": "float32", "batch_axis": 0}
    return _compile(_ECHO), {
        "target": {"name": "cpu", "backend": "llvm-cpu"},
        "inputs": [{"name": "x", **tensor}],
        "mask": None,
        "outputs": [{"name": name, **tensor} for name in ("echo", "again", "workers", "as_many")],
        "states": [],
        "entries": {"call": "call", "set_workers": "set_workers"},
    }


@pytest.fixture(scope="session")
def echo(echo_parts) -> Module:
    return load(pack(*echo_parts))


@pytest.fixture
def aligned() -> Callable[..., np.ndarray]:
    """Copies an array to memory that starts so many bytes after a multiple of 64."""

    def copy(array: np.ndarray, after: int = 0) -> np.ndarray:
        memory = np.empty(array.nbytes + 128, np.uint8)
        start = -memory.ctypes.data % 64 + after
        moved = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
        moved[...] = array
        assert moved.ctypes.data % 64 == after
        return moved

    return copy


@dataclasses.dataclass
class Expected:
    seq: np.ndarray
    last: np.ndarray
    h: np.ndarray
    c: np.ndarray


@pytest.fixture(scope="session")
def expected() -> Callable[..., Expected]:
    """The scan in NumPy, in the input's dtype: exact for the small dyadic numbers that the tests use."""

    def run(x: np.ndarray, mask: np.ndarray | None = None, h: Any = 0, c: Any = 0) -> Expected:
        batch, time, units = x.shape
        h = np.broadcast_to(np.asarray(h, x.dtype), (batch, units)).copy()
        c = np.broadcast_to(np.asarray(c, x.dtype), (batch, units)).copy()
        seq = np.zeros_like(x)
        for t in range(time):
            on = np.ones((batch, 1), bool) if mask is None else mask[:, t, None] != 0
            h = np.where(on, h / 2 + x[:, t], h)
            c = np.where(on, c + h, c)
            seq[:, t] = h
        return Expected(seq, h, h, c)

    return run


@pytest.fixture
def draw() -> Callable[..., np.ndarray]:
    """Draws multiples of 1/8, on which the scan's float32 arithmetic is exact or nearly so."""
    rng = np.random.default_rng(7)
    return lambda *shape: (rng.integers(-16, 17, shape) / 8).astype(np.float32)


def _arch() -> str:
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
