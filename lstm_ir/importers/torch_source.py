"""``lstm_ir.from_torch``: an ``nn.LSTM``, ``GRU`` or ``RNN``, live, in a state_dict, or in a file; without torch."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_ir.errors import ArgumentError, ArgumentTypeError, ModelFileError, UnsupportedError
from lstm_ir.importers.safetensors_file import is_safetensors, read_safetensors
from lstm_ir.importers.stored_tensor import StoredTensor
from lstm_ir.importers.torch_archive import ZIP_SIGNATURE, is_torch_archive, read_archive_tensors
from lstm_ir.importers.torch_lstm import describe_lstm
from lstm_ir.importers.torch_weights import LSTMWeights, find_lstm
from lstm_ir.layers import Functional

ACCEPTED = "accepted: a torch.nn.LSTM, GRU or RNN, a state_dict, or a .pt, .pth or .safetensors file of one"
_WHOLE = "a whole module is compiled from what torch.onnx.export writes of it"

_PICKLE_STARTS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def from_torch(
    source: Any, prefix: str | None = None, batch_first: bool | None = None, nonlinearity: str | None = None
) -> Functional:
    """Describe a ``torch.nn.LSTM``, ``GRU`` or ``RNN``, with its weights, as a model that `lstm_ir.compile` takes.

    The model returns ``output``, ``h_n`` and, of an LSTM, ``c_n`` in PyTorch's order and shapes; a mask of right-padded
    sequences stands for a packed sequence. It starts from zeros or from named states, ``lstm_l0/h``, ``lstm_l0/c`` ...,
    with two directions ``lstm_l0/forward/h`` and so on, each (batch, H); those of a GRU or RNN are ``gru_l0/h`` and
    ``rnn_l0/h``.

    Args:
        source: a live ``nn.LSTM``, or a live module that holds one; a state_dict of tensors or arrays; or a path to a
            ``.pt``, ``.pth`` or ``.safetensors`` file. A ``.pt`` file is read as data: nothing in it is run.
        prefix: which of them, such as ``encoder.rnn``; None takes the only one.
        batch_first: whether inputs are (batch, time, features). A state_dict does not say it, then None is False; a
            live module does.
        nonlinearity: of an nn.RNN, ``tanh`` or ``relu``, which a live module says, and has to be given for a
            state_dict.

    Returns:
        The description, built.

    Raises:
        ModelFileError: a file is missing, damaged or hostile, or holds none of them.
        ArgumentError: several of them and no prefix, an unknown prefix, another ``batch_first`` or ``nonlinearity``
            than the module's, or none for the weights of an nn.RNN.
        ArgumentTypeError: not one of the sources.
        UnsupportedError: another module, or a dtype that cannot be compiled.
    """
    if prefix is not None and not isinstance(prefix, str):
        raise ArgumentTypeError(f"prefix: got {prefix!r}, expected a string or None")
    if batch_first is not None and not isinstance(batch_first, bool):
        raise ArgumentTypeError(f"batch_first: got {batch_first!r}, expected a bool or None")
    if nonlinearity not in (None, "tanh", "relu"):
        raise ArgumentError(f"nonlinearity: got {nonlinearity!r}, expected 'tanh', 'relu' or None")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        weights = find_lstm(_file_tensors(path), prefix, str(path), ModelFileError)
        return _from_weights(weights, batch_first, nonlinearity, str(path))
    if is_torch_module(source):
        return _from_module(source, prefix, batch_first, nonlinearity)
    if isinstance(source, Mapping):
        tensors = {str(name): _live_tensor(name, value, "source") for name, value in source.items()}
        weights = find_lstm(tensors, prefix, "source", ArgumentError)
        return _from_weights(weights, batch_first, nonlinearity, "source")
    raise ArgumentTypeError(f"source: got {type(source).__name__}; {ACCEPTED}")


def is_torch_module(source: object) -> bool:
    """Whether an object is a live module of PyTorch."""
    return any(base.__module__ == "torch.nn.modules.module" for base in type(source).__mro__)


def is_torch_file(path: Path) -> bool:
    """Whether a file is one that `from_torch` reads, or refuses as one of PyTorch's, by what is in it."""
    try:
        head = _head(path)
    except (OSError, ValueError):
        return False
    if head == ZIP_SIGNATURE:
        return is_torch_archive(path)
    return head[:2] in _PICKLE_STARTS or is_safetensors(path)


def _head(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # opening a pipe would wait for somebody to write
        raise OSError("not a regular file")
    with path.open("rb") as file:
        return file.read(len(ZIP_SIGNATURE))


def _file_tensors(path: Path) -> dict[str, StoredTensor]:
    try:
        head = _head(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelFileError(f"{path} cannot be read: {reason}; {ACCEPTED}") from None
    if not head:
        raise ModelFileError(f"{path} is empty; {ACCEPTED}")
    if head == ZIP_SIGNATURE:
        return read_archive_tensors(path)
    if head[:2] in _PICKLE_STARTS:
        raise UnsupportedError(
            f"{path} is a bare pickle, as torch.save wrote before PyTorch 1.6, which is not read; save the state_dict "
            "again with a PyTorch of today, or as .safetensors"
        )
    if is_safetensors(path):
        return read_safetensors(path)
    raise ModelFileError(f"{path} is neither a zip archive of torch.save nor a .safetensors file; {ACCEPTED}")


def _from_weights(weights: LSTMWeights, batch_first: bool | None, nonlinearity: str | None, where: str) -> Functional:
    if weights.sizes.kind == "RNN" and nonlinearity is None:
        raise ArgumentError(
            f"nonlinearity: {where} holds the weights of an nn.RNN, which do not say it; give 'tanh', PyTorch's "
            "default, or 'relu'"
        )
    return describe_lstm(weights, batch_first=bool(batch_first), nonlinearity=nonlinearity or "tanh")


def _from_module(module: Any, prefix: str | None, batch_first: bool | None, nonlinearity: str | None) -> Functional:
    """Describe a live LSTM, GRU or RNN, or one inside a live module."""
    inside = {name: part for name, part in module.named_modules() if _class_of(part) is not None}
    kind = type(module).__name__
    listed = ", ".join(map(repr, inside))
    if prefix is not None:
        asked = prefix.removesuffix(".")
        if asked not in inside:
            raise ArgumentError(
                f"prefix: got {prefix!r}, no nn.LSTM, nn.GRU or nn.RNN of source has it; it has {listed or 'none'}"
            )
        found = inside[asked]
    elif "" in inside:
        found = module
    elif inside:
        # What such a module does with its parts is Python, which nothing here reads.
        raise UnsupportedError(
            f"source: got a module {kind}; {_WHOLE}; of the module itself only an nn.LSTM, nn.GRU or nn.RNN is, give "
            f"the prefix of one: {listed}"
        )
    else:
        raise UnsupportedError(f"source: got a module {kind} without an nn.LSTM, GRU or RNN; {_WHOLE}; {ACCEPTED}")
    name = _class_of(found)
    if type(found).__name__ != name or not type(found).__module__.startswith("torch."):
        own = f"{type(found).__module__}.{type(found).__qualname__}"
        raise UnsupportedError(
            f"source: {own} derives from nn.{name} and may compute something else; give an nn.{name}"
        )
    if batch_first is not None and batch_first != bool(found.batch_first):
        raise ArgumentError(f"batch_first: got {batch_first}, the module has {bool(found.batch_first)}")
    own_nonlinearity = str(found.nonlinearity) if name == "RNN" else "tanh"
    if nonlinearity is not None and nonlinearity != own_nonlinearity:
        raise ArgumentError(f"nonlinearity: got {nonlinearity!r}, the module has {own_nonlinearity!r}")
    tensors = {name: _live_tensor(name, value, "source") for name, value in found.state_dict().items()}
    weights = find_lstm(tensors, "", "source", ArgumentError)
    return describe_lstm(
        weights,
        batch_first=bool(found.batch_first),
        dropout=float(found.dropout),
        nonlinearity=own_nonlinearity,
    )


def _class_of(module: Any) -> str | None:
    """Which of PyTorch's recurrent modules an object is or derives from."""
    names = {base.__name__ for base in type(module).__mro__ if base.__module__ == "torch.nn.modules.rnn"}
    return next((name for name in ("LSTM", "GRU", "RNN") if name in names), None)


def _live_tensor(name: Any, value: Any, where: str) -> StoredTensor:
    """A tensor of PyTorch or an array, by what it has rather than by its class."""
    if isinstance(value, np.ndarray):
        return StoredTensor(value.shape, value.dtype.name, lambda: value)
    if not all(hasattr(value, attribute) for attribute in ("detach", "dtype", "shape")):
        raise ArgumentTypeError(f"{where}: {name!r} is a {type(value).__name__}, expected a tensor or an array")
    dtype = str(value.dtype).removeprefix("torch.")

    def read() -> NDArray[Any]:
        tensor = value.detach().cpu()
        return np.array((tensor.float() if dtype == "bfloat16" else tensor).numpy())

    return StoredTensor(tuple(int(size) for size in value.shape), dtype, read)
