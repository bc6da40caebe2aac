"""A GPU in Python: runs kernels as they are built, op by op, whose threads take turns in an order that is drawn."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, FloatAttr, IndexType, IntegerAttr, IntegerType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Block, Operation

from lstm_ir.dialect.gpu_ops import TranslationInfoAttr
from lstm_ir.passes.kernels.gpu.matrices import MATRIX

_PREDICATES = ("==", "!=", "<", "<=", ">", ">=", "<", "<=", ">", ">=")
_FLOAT_PREDICATES = {1: "==", 2: ">", 3: ">=", 4: "<", 5: "<=", 6: "!="}
_BINARY = {
    "arith.addi": "wrap({0} + {1})",
    "arith.subi": "wrap({0} - {1})",
    "arith.muli": "wrap({0} * {1})",
    "arith.divui": "{0} // {1}",
    "arith.remui": "{0} % {1}",
    "arith.minsi": "min({0}, {1})",
    "arith.maxsi": "max({0}, {1})",
    "arith.andi": "{0} & {1}",
    "arith.ori": "{0} | {1}",
    "arith.xori": "{0} ^ {1}",
    "arith.shli": "wrap({0} << {1})",
    "arith.shrui": "({0} & 0xFFFFFFFF) >> {1}",
    "arith.addf": "{0} + {1}",
    "arith.subf": "{0} - {1}",
    "arith.mulf": "{0} * {1}",
    "arith.divf": "{0} / {1}",
    "arith.maximumf": "np.maximum({0}, {1})",
    "arith.minimumf": "np.minimum({0}, {1})",
    "arith.select": "{1} if {0} else {2}",
    "math.fma": "f32(float({0}) * float({1}) + float({2}))",
    "math.roundeven": "np.round({0})",
    "arith.extf": "f32({0})",
    "arith.extui": "{0} & 0xFFFF",
    "arith.index_cast": "{0}",
    "arith.fptosi": "int({0})",
    "llvm.inttoptr": "{0}",
    "vector.broadcast": "{0}",
    "vector.extract": "{0}",
    # A buffer is its own address: pairs of it and an element, of which the latter counts bytes.
    "memref.extract_aligned_pointer_as_index": "Address({0}, 0)",
    "llvm.load": "int({0}.buffer[{0}.element])",
}
"""What ops whose result follows from their operands compute; an i32 is a Python integer with its sign."""
_ATOMIC = {1: "{0} + {1}", 2: "{0} & {1}", 14: "{0} | {1}"}


class Address:
    """A place in a buffer of words."""

    def __init__(self, buffer: np.ndarray, byte: int) -> None:
        self.buffer, self.byte = buffer, byte

    def __add__(self, more: int) -> "Address":
        return Address(self.buffer, self.byte + more)

    @property
    def element(self) -> int:
        return self.byte // self.buffer.itemsize


class Part:
    """What a thread has of a matrix that its warp holds: here all of it."""

    def __init__(self, matrix: np.ndarray, number: int) -> None:
        self.matrix, self.number = matrix, number

    @staticmethod
    def of(matrix: np.ndarray) -> "list[Part]":
        return [Part(matrix, number) for number in range(8)]


def _whole(parts: Sequence[Any]) -> np.ndarray:
    """The matrix of some parts, which must be all parts of one matrix, in order; or a number everywhere."""
    if not isinstance(parts[0], Part):
        return np.full((MATRIX, MATRIX), *set(parts))
    assert all(part.matrix is parts[0].matrix and part.number == n for n, part in enumerate(parts))
    return parts[0].matrix


def _intrinsic(name: str, *operands: Any) -> list[Part]:
    """An intrinsic of LLVM's: a matrix that is read or written, or a product added to a third matrix."""
    what, *_, layout = name.removeprefix("llvm.nvvm.wmma.m16n16k16.").split(".")
    if what == "load":
        return Part.of(_matrix(*operands).copy())
    if what == "store":
        address, *parts, pitch = operands
        _matrix(address, pitch)[...] = _whole(parts)
        return []
    assert what == "mma"
    each = 4 if layout == "bf16" else 8
    left, right, total = (_whole(part) for part in (operands[:each], operands[each:-8], operands[-8:]))
    return Part.of(left.astype(np.float32) @ right.astype(np.float32) + total)


def _wrap(value: Any) -> Any:
    return ((value + 2**31) % 2**32) - 2**31 if isinstance(value, int) and not -(2**31) <= value < 2**31 else value


def _bits(value: Any, type_: str) -> Any:
    if type_ == "f32":
        return np.int32(value).view(np.float32)
    if type_ == "f16":
        return np.array(value & 0xFFFF, np.uint16).view(np.float16)[()]
    return int(value.view(np.int16 if type_ == "i16" else np.int32))


class _Translation:
    """Python source of a kernel: a generator that yields where threads meet, and at words that others may change."""

    def __init__(self, function: FuncOp) -> None:
        self.lines: list[str] = []
        self.names: dict[Any, str] = {}
        block = function.body.block
        arguments = ", ".join(self.name(argument) for argument in block.args)
        self.lines.append(f"def kernel(group, thread, shared, {arguments}):")
        self.block(block, 1)

    def name(self, value: Any) -> str:
        return self.names.setdefault(value, f"v{len(self.names)}")

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def give(self, depth: int, targets: Sequence[Any], values: Sequence[Any]) -> None:
        if targets:
            left, right = (", ".join(self.name(value) for value in side) for side in (targets, values))
            self.put(depth, f"{left} = {right}")

    def block(self, block: Block, depth: int) -> None:
        for op in block.ops:
            self.op(op, depth)

    def op(self, op: Operation, depth: int) -> None:
        operands = [self.name(value) for value in op.operands]
        result = self.name(op.results[0]) if op.results else ""
        match op:
            case scf.ForOp():
                index, *carried = op.body.block.args
                self.give(depth, carried, op.iter_args)
                self.put(depth, f"for {self.name(index)} in range({', '.join(operands[:3])}):")
                self.block(op.body.block, depth + 1)
                self.give(depth + 1, carried, op.body.block.last_op.operands)
                self.put(depth + 1, "pass")
                self.give(depth, op.results, carried)
            case scf.IfOp():
                self.put(depth, f"if {operands[0]}:")
                self.branch(op.true_region, op, depth)
                if op.false_region.blocks:
                    self.put(depth, "else:")
                    self.branch(op.false_region, op, depth)
            case scf.WhileOp():
                before, after = op.before_region.block, op.after_region.block
                self.give(depth, before.args, op.arguments)
                self.put(depth, "while True:")
                self.block(before, depth + 1)
                go_on, *seen = before.last_op.operands
                self.give(depth + 1, after.args, seen)
                self.put(depth + 1, f"if not {self.name(go_on)}: break")
                self.block(after, depth + 1)
                self.give(depth + 1, before.args, after.last_op.operands)
                self.give(depth, op.results, after.args)
            case arith.ConstantOp():
                self.put(depth, f"{result} = {_constant(op.value)}")
            case arith.CmpiOp():
                how = _PREDICATES[op.predicate.value.data]
                self.put(depth, f"{result} = {operands[0]} {how} {operands[1]}")
            case arith.CmpfOp():
                how = _FLOAT_PREDICATES[op.predicate.value.data]
                self.put(depth, f"{result} = bool({operands[0]} {how} {operands[1]})")
            case _:
                self.plain(op, operands, result, depth)

    def branch(self, region: Any, op: Operation, depth: int) -> None:
        self.block(region.block, depth + 1)
        self.give(depth + 1, op.results, region.block.last_op.operands)
        self.put(depth + 1, "pass")

    def plain(self, op: Operation, operands: list[str], result: str, depth: int) -> None:
        """Translate an op without regions."""
        match op.name:
            case name if name in _BINARY:
                if name == "llvm.load":
                    self.put(depth, "yield False")
                self.put(depth, f"{result} = {_BINARY[name].format(*operands)}")
            case "arith.truncf":
                self.put(
                    depth,
                    f"{result} = {op.results[0].type}({operands[0]})",
                )
            case "arith.trunci":
                self.put(depth, f"{result} = {operands[0]} & 0xFFFF")
            case "arith.bitcast":
                self.put(depth, f"{result} = bits({operands[0]}, {str(_element(op.results[0].type))!r})")
            case "memref.store":
                self.put(depth, f"{operands[1]}[{operands[2]}] = {operands[0]}")
            case "memref.load":
                load = f"{operands[0]}[{operands[1]}]"
                is_integer = isinstance(op.results[0].type, IntegerType)
                self.put(depth, f"{result} = {f'int({load})' if is_integer else load}")
            case "memref.alloc":
                type_ = op.results[0].type
                self.put(depth, f"{result} = shared({len(self.lines)}, {type_.get_shape()[0]}, '{_element(type_)}')")
            case "memref.atomic_rmw":
                value, buffer, index = operands
                changed = _ATOMIC[op.kind.value.data].format(result, value)
                self.put(depth, "yield False")
                self.put(depth, f"{result} = int({buffer}[{index}]); {buffer}[{index}] = wrap({changed})")
            case "llvm.store":
                self.put(depth, "yield False")
                self.put(depth, f"{operands[1]}.buffer[{operands[1]}.element] = {operands[0]}")
            case "gpu.barrier":
                self.put(depth, "yield True")
            case "gpu.thread_id":
                self.put(depth, f"{result} = thread")
            case "stream.dispatch.workgroup.id":
                self.put(depth, f"{result} = group")
            case "stream.binding.subspan":
                self.put(depth, f"{result} = {operands[0]}")
            case "memref.extract_strided_metadata":
                self.put(depth, f"{self.name(op.offset)} = 0")
            case "llvm.call_intrinsic":
                self.put(depth, f"{result or '_'} = intrinsic({', '.join([repr(op.intrin.data), *operands])})")
            case "llvm.extractvalue":
                self.put(depth, f"{result} = {operands[0]}[{op.position.get_values()[0]}]")
            case "scf.yield" | "scf.condition" | "func.return":
                self.put(depth, "pass")
            case name:
                raise NotImplementedError(name)


def _element(type_: Attribute) -> Attribute:
    return type_.get_element_type() if hasattr(type_, "get_element_type") else type_


def _constant(value: Attribute) -> str:
    if isinstance(value, DenseIntOrFPElementsAttr):
        return _constant(value.get_attrs()[0])
    if isinstance(value, FloatAttr):
        return f"f32(float('{value.value.data}'))"
    assert isinstance(value, IntegerAttr)
    if isinstance(value.type, IntegerType) and value.type.width.data == 1:
        return str(bool(value.value.data))
    assert isinstance(value.type, IntegerType | IndexType)
    return str(value.value.data)


def _matrix(address: Address, pitch: int) -> np.ndarray:
    buffer, first, each = address.buffer, address.element, address.buffer.itemsize
    assert first + (MATRIX - 1) * pitch + MATRIX <= len(buffer)
    # What CUDA's load_matrix_sync asks for, and becomes the same instruction.
    assert address.byte % 32 == 0
    assert pitch * each % 16 == 0
    return np.lib.stride_tricks.as_strided(buffer[first:], (MATRIX, MATRIX), (pitch * each, each))


class _Workgroup:
    """A workgroup that has begun: its threads, of which those that wait at a barrier do not run."""

    def __init__(
        self, kernel: Callable[..., Iterator[bool]], group: int, threads: int, arguments: Sequence[Any]
    ) -> None:
        memory: dict[int, np.ndarray] = {}
        types = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "i32": np.int32}

        def shared(key: int, size: int, element: str) -> np.ndarray:
            # What nobody has written is not a number.
            return memory.setdefault(key, np.full(size, -(2**30) if element == "i32" else np.nan, types[element]))

        self.running = [kernel(group, thread, shared, *arguments) for thread in range(threads)]
        self.waiting: list[Iterator[bool]] = []

    def run_one(self, rng: random.Random) -> bool:
        """Run a thread up to where it meets others; returns whether the workgroup is still there."""
        thread = self.running.pop(rng.randrange(len(self.running)))
        try:
            (self.waiting if next(thread) else self.running).append(thread)
        except StopIteration:
            assert not self.waiting, "a thread has ended while others wait for it"
        if not self.running:
            self.running, self.waiting = self.waiting, []
        return bool(self.running)


@pytest.fixture
def run_on_gpu() -> Callable[..., int]:
    """Run a kernel: ``run_on_gpu(executable, workgroups, arguments, at_once, seed)``.

    So many workgroups run at once; another one begins where one has ended. Memory is changed in place.
    """

    def run(executable: Any, workgroups: int, arguments: Sequence[Any], at_once: int, seed: int) -> None:
        (function,) = executable.kernels.body.block.ops
        info = function.attributes["translation_info"]
        assert isinstance(info, TranslationInfoAttr)
        threads = info.workgroup_size.data[0].data
        space: dict[str, Any] = {
            "np": np, "f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "Address": Address,
            "wrap": _wrap, "bits": _bits, "intrinsic": _intrinsic,
        }  # fmt: skip
        exec("\n".join(_Translation(function).lines), space)
        rng = random.Random(seed)
        begun = list(range(workgroups))
        active: list[_Workgroup] = []
        while active or begun:
            while begun and len(active) < at_once:
                active.append(_Workgroup(space["kernel"], begun.pop(0), threads, arguments))
            one = rng.choice(active)
            if not one.run_one(rng):
                active.remove(one)

    return run
