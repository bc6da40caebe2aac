"""The pickle inside a ``.pt`` file, read without the ability to run anything.

``torch.save`` writes a pickle whose tensors are calls of ``torch._utils._rebuild_tensor_v2``. Python's unpickler would
import and call whatever a file names; this one knows the few operations that containers of tensors need and makes
plain data of them. Every other operation and every other name is refused, by its name.
"""

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lstm_ir.errors import ModelFileError
from lstm_ir.importers.stored_tensor import shown

STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
"""The classes of storages by their name in ``torch``, and the dtype of each."""

_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_DICT = "collections.OrderedDict"
_SIZE = "torch.Size"
ACCEPTED_GLOBALS = (_DICT, _TENSOR, _PARAMETER, _SIZE, *(f"torch.{name}" for name in STORAGES))

_MAX_OBJECTS = 2_000_000


@dataclass(frozen=True)
class TensorRecord:
    """A tensor as a view of a storage, nothing of it checked yet.

    Attributes:
        key: the storage's name in the archive.
        dtype: the storage's dtype.
        offset: the first element.
        shape: the sizes.
        strides: the distances in elements.
    """

    key: str
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class _Global:
    """A name that a pickle refers to; it stands for nothing that could be called."""

    name: str


class _Dict(dict[Any, Any]):
    """What an OrderedDict becomes; of a class of its own since only it may be given attributes."""


_MARK = object()


def read_pickle(data: bytes, where: str) -> Any:
    """Return what a pickle of torch.save holds: dicts, lists, tuples, numbers, text and `TensorRecord`.

    Args:
        data: the pickle.
        where: the file, for messages.

    Raises:
        ModelFileError: the pickle is damaged, or names anything but the containers of tensors.
    """
    machine = _Machine(where)
    try:
        for count, (opcode, argument, position) in enumerate(pickletools.genops(io.BytesIO(data))):
            if count > _MAX_OBJECTS:
                raise ModelFileError(f"{where}: its pickle has more than {_MAX_OBJECTS} operations")
            if opcode.name == "STOP":
                return machine.result()
            handler = _HANDLERS.get(opcode.name)
            if handler is None:
                raise ModelFileError(
                    f"{where}: its pickle uses the operation {opcode.name} at byte {position}, which a state_dict "
                    "does not need"
                )
            handler(machine, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, AttributeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{where}: its pickle is damaged: {' '.join(str(error).split())}") from None
    raise ModelFileError(f"{where}: its pickle is truncated")


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def result(self) -> Any:
        (value,) = self.stack
        return value

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark where a value is wanted")
        return value

    def pop_to_mark(self) -> list[Any]:
        found = []
        while (value := self.stack.pop()) is not _MARK:
            found.append(value)
        return found[::-1]

    def tuple_of(self, count: int) -> None:
        self.push(tuple([self.pop() for _ in range(count)][::-1]))

    def remember(self, number: int) -> None:
        if self.stack[-1] is _MARK:
            raise ValueError("a mark where a value is wanted")
        self.memo[number] = self.stack[-1]

    def name(self, module: Any, attribute: Any) -> None:
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise ValueError("a name that is no text")
        name = f"{module}.{attribute}"
        if name not in ACCEPTED_GLOBALS:
            raise ModelFileError(
                f"{self.where}: its pickle names {shown(name)}, which is not read; accepted: a state_dict of tensors, "
                "as torch.save(module.state_dict(), path) writes it"
            )
        self.push(_Global(name))

    def items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(pairs) % 2:
            raise ValueError("items for what is not a dict")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str | int | float | bool):
                raise ValueError(f"a key of type {type(key).__name__}")
            target[key] = value

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise ValueError("elements for what is not a list")
        target += values

    def storage(self) -> None:
        reference = self.pop()
        kind, storage, key, _device, count = reference
        dtype = STORAGES.get(storage.name.removeprefix("torch.")) if isinstance(storage, _Global) else None
        if kind != "storage" or dtype is None or not isinstance(key, str) or not _is_size(count):
            raise ValueError("a reference that is not a storage")
        if not key.isascii() or not key.isdigit():
            raise ValueError(f"a storage named {shown(key)}, expected a number")
        self.push(_Storage(key, dtype))

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, _Global) or type(arguments) is not tuple:
            raise ValueError("a call of what is not a function")
        if function.name == _DICT and not arguments:
            self.push(_Dict())
        elif function.name == _SIZE and len(arguments) == 1:
            self.push(tuple(arguments[0]))
        elif function.name == _TENSOR and 6 <= len(arguments) <= 7:
            self.push(_tensor(*arguments[:4]))
        elif function.name == _PARAMETER and len(arguments) == 3 and isinstance(arguments[0], TensorRecord):
            self.push(arguments[0])
        else:
            raise ModelFileError(f"{self.where}: its pickle calls {function.name!r} with unexpected arguments")

    def build(self) -> None:
        # A state_dict carries its _metadata as an attribute; nothing here reads it.
        state = self.pop()
        if not isinstance(self.stack[-1], _Dict) or not isinstance(state, dict):
            raise ValueError("attributes for what is not an OrderedDict")


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: str


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> TensorRecord:
    sizes_fit = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)
    if not isinstance(storage, _Storage) or not sizes_fit or not all(map(_is_size, (offset, *shape, *strides))):
        raise ValueError("a tensor whose storage, offset, shape or strides are none")
    return TensorRecord(storage.key, storage.dtype, offset, shape, strides)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**48


def _push(machine: _Machine, argument: Any) -> None:
    machine.push(argument)


def _always(make: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(make())


_HANDLERS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda m, _: None,
    "FRAME": lambda m, _: None,
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _push
    ),
    "NONE": _always(lambda: None),
    "NEWTRUE": _always(lambda: True),
    "NEWFALSE": _always(lambda: False),
    "EMPTY_DICT": _always(dict),
    "EMPTY_LIST": _always(list),
    "EMPTY_TUPLE": _always(tuple),
    "MARK": _always(lambda: _MARK),
    "TUPLE": lambda m, _: m.push(tuple(m.pop_to_mark())),
    "TUPLE1": lambda m, _: m.tuple_of(1),
    "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "SETITEM": lambda m, _: m.items([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, _: m.items(m.pop_to_mark()),
    "APPEND": lambda m, _: m.append([m.pop()]),
    "APPENDS": lambda m, _: m.append(m.pop_to_mark()),
    "BINPUT": lambda m, number: m.remember(number),
    "LONG_BINPUT": lambda m, number: m.remember(number),
    "MEMOIZE": lambda m, _: m.remember(len(m.memo)),
    "BINGET": lambda m, number: m.push(m.memo[number]),
    "LONG_BINGET": lambda m, number: m.push(m.memo[number]),
    "GLOBAL": lambda m, name: m.name(*name.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.name(*[m.pop(), m.pop()][::-1]),
    "BINPERSID": lambda m, _: m.storage(),
    "REDUCE": lambda m, _: m.reduce(),
    "BUILD": lambda m, _: m.build(),
}
"""What each accepted operation does, by its name in ``pickletools``."""
